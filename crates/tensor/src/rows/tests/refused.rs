//! Malformed programs, which are refused before they run.

use super::*;

/// Changes the program and runs it.
fn run_changed(change: impl Fn(&mut RowProgram<f64>)) {
    let case = Case::new(Sizes { steps: 2, rows: 2, segment: 2, reversed: false }, [2, 3, 5]);
    let mut program = program(2, 3, 5);
    change(&mut program);
    let mut outputs = [12, 20, 6, 9, 3].map(|len| vec![0.0; len]);
    let mut slices: Vec<&mut [f64]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
    let [x, b, h0, ..] = &case.tensors;
    program.run(case.sizes, &case.packed(), &[x, b, h0], &mut slices);
}

fn first_view(program: &mut RowProgram<f64>) -> &mut View {
    match &mut program.before[0] {
        Instruction::MatMul { left, .. } => left,
        _ => unreachable!("a product comes first"),
    }
}

#[test]
#[should_panic(
    expected = "View { buffer: 0, column: 1, width: 2, delay: None } is not within Buffer { \
        lifetime: Sequence, width: 2, role: Input }"
)]
fn a_view_outside_its_buffer_is_refused() {
    run_changed(|program| first_view(program).column = 1);
}

#[test]
#[should_panic(expected = "View { buffer: 0, column: 0, width: 2, delay: None } cannot be written")]
fn writing_an_input_is_refused() {
    run_changed(|program| match &mut program.after[0] {
        Instruction::MatMul { output, .. } => *output = View { buffer: 0, width: 2, ..*output },
        _ => unreachable!("a product comes last"),
    });
}

#[test]
#[should_panic(
    expected = "Buffer { lifetime: Segment, width: 3, role: Internal } does not keep the \
                neighbouring step"
)]
fn a_neighbouring_step_that_is_not_kept_is_refused() {
    let delay = Some(Delay { ahead: false, edge: 2 });
    run_changed(|program| match &mut program.step[0] {
        Instruction::MatMul { left, .. } => *left = View { buffer: 8, delay, ..*left },
        _ => unreachable!("a product comes first"),
    });
}

#[test]
#[should_panic(
    expected = "Unary(Square, 1, 1) with View { buffer: 9, column: 0, width: 3, delay: None }, View \
        { buffer: 9, column: 0, width: 3, delay: None }"
)]
fn a_function_that_writes_what_it_reads_is_refused() {
    run_changed(|program| {
        first_phase(program).ops[0] = RowOp::Unary(Unary::Square, 1, 1);
    });
}

/// The first phase of the step.
fn first_phase(program: &mut RowProgram<f64>) -> &mut Phase<f64> {
    match &mut program.step[1] {
        Instruction::Fused(phases) => &mut phases[0],
        _ => unreachable!("a product comes first"),
    }
}

#[test]
#[should_panic(
    expected = "View { buffer: 10, column: 0, width: 1, delay: None } does not hold [3] as a chunk"
)]
fn a_sum_in_what_a_phase_overwrites_is_refused() {
    run_changed(|program| {
        program.buffers[10].lifetime = Lifetime::Chunk;
    });
}

#[test]
#[should_panic(
    expected = "View { buffer: 9, column: 0, width: 3, delay: None } does not hold [2] as a chunk"
)]
fn a_function_of_another_width_is_refused() {
    run_changed(|program| first_phase(program).axes[0] = 2);
}

#[test]
#[should_panic(
    expected = "View { buffer: 16, column: 0, width: 3, delay: None } must be a buffer of partial \
                sums"
)]
fn rows_are_added_to_partial_sums_only() {
    run_changed(|program| {
        program.buffers[16].lifetime = Lifetime::Segment;
    });
}

#[test]
#[should_panic(
    expected = "View { buffer: 0, column: 18446744073709551614, width: 2, delay: None } is not \
        within Buffer { lifetime: Sequence, width: 2, role: Input }"
)]
fn columns_that_overflow_are_refused() {
    run_changed(|program| first_view(program).column = usize::MAX - 1);
}

#[test]
#[should_panic(
    expected = "View { buffer: 2, column: 0, width: 3, delay: None } must have a row for every \
                row of every step"
)]
fn a_sum_over_one_step_is_refused() {
    run_changed(|program| match &mut program.sums[0] {
        Sum::Products { right, .. } => right.buffer = 2,
        Sum::Partials { .. } => unreachable!("products come first"),
    });
}

#[test]
#[should_panic(
    expected = "View { buffer: 1, column: 0, width: 3, delay: None } must have a row for every \
                row of every step"
)]
fn a_sum_of_products_with_one_row_is_refused() {
    run_changed(|program| match &mut program.sums[0] {
        Sum::Products { left, .. } => *left = View { buffer: 1, delay: None, ..*left },
        Sum::Partials { .. } => unreachable!("products come first"),
    });
}

#[test]
#[should_panic(
    expected = "View { buffer: 3, column: 0, width: 3, delay: Some(Delay { ahead: false, edge: 1 \
                }) } must have a row for every row of every step"
)]
fn a_sum_of_products_with_one_row_at_an_edge_is_refused() {
    run_changed(|program| match &mut program.sums[0] {
        Sum::Products { left, .. } => left.delay = Some(Delay { ahead: false, edge: 1 }),
        Sum::Partials { .. } => unreachable!("products come first"),
    });
}

#[test]
#[should_panic(
    expected = "View { buffer: 5, column: 0, width: 3, delay: None } must be copied to another \
                buffer of its width"
)]
fn a_final_that_is_its_own_source_is_refused() {
    run_changed(|program| {
        let view = View { buffer: 5, ..program.finals[0].0 };
        program.finals[0] = (view, 5);
    });
}

#[test]
#[should_panic(
    expected = "Buffer { lifetime: Step, width: 3, role: Output } is read at an edge, so it must \
                be an input"
)]
fn an_edge_that_is_written_is_refused() {
    run_changed(|program| match &mut program.step[0] {
        Instruction::MatMul { left, .. } => {
            left.delay = Some(Delay { ahead: false, edge: 5 });
        }
        _ => unreachable!("a product comes first"),
    });
}

#[test]
#[should_panic(
    expected = "Buffer { lifetime: Row, width: 2, role: Constant(1.0) } must be a row of one \
                column"
)]
fn a_constant_of_several_columns_is_refused() {
    run_changed(|program| program.buffers[17].width = 2);
}

#[test]
#[should_panic(
    expected = "Buffer { lifetime: Sequence, width: 1, role: Constant(1.0) } must be a row of one \
                column"
)]
fn a_constant_of_every_step_is_refused() {
    run_changed(|program| program.buffers[17].lifetime = Lifetime::Sequence);
}

#[test]
#[should_panic(
    expected = "View { buffer: 17, column: 0, width: 1, delay: None } cannot be written"
)]
fn writing_a_constant_is_refused() {
    run_changed(|program| {
        let phase = first_phase(program);
        phase.arrays[2].view.buffer = 17;
    });
}

#[test]
#[should_panic(
    expected = "View { buffer: 3, column: 0, width: 3, delay: Some(Delay { ahead: false, edge: 2 \
                }) } reads a neighbouring step of a buffer that the same stage writes"
)]
fn a_neighbouring_step_of_a_written_buffer_is_refused() {
    run_changed(|program| {
        let delay = Some(Delay { ahead: false, edge: 2 });
        let [read, write] =
            [delay, None].map(|delay| View { buffer: 3, column: 0, width: 3, delay });
        let ops = vec![RowOp::Unary(Unary::Neg, 0, 1)];
        program.after.push(Instruction::Fused(vec![phase(3, [read, write], ops)]));
    });
}

#[test]
#[should_panic(
    expected = "a run has at least one step: Sizes { steps: 0, rows: 2, segment: 1, reversed: false \
        }"
)]
fn no_steps_are_refused() {
    let sizes = Sizes { steps: 0, rows: 2, segment: 1, reversed: false };
    Case::new(sizes, [2, 3, 5]).run();
}

#[test]
#[should_panic(
    expected = "View { buffer: 9, column: 0, width: 3, delay: None } must have all columns of a \
                chunk"
)]
fn a_part_of_a_chunk_is_refused() {
    run_changed(|program| program.buffers[9].width = 4);
}

#[test]
#[should_panic(
    expected = "View { buffer: 12, column: 0, width: 3, delay: None } does not last beyond a fused \
        sequence"
)]
fn a_product_into_a_block_is_refused() {
    run_changed(|program| program.buffers[12].lifetime = Lifetime::Block);
}

#[test]
#[should_panic(
    expected = "View { buffer: 15, column: 0, width: 3, delay: None } does not last beyond a fused \
        sequence"
)]
fn a_final_of_a_block_is_refused() {
    run_changed(|program| program.finals[0].0.buffer = 15);
}

#[test]
#[should_panic(
    expected = "Buffer { lifetime: Partial, width: 3, role: Input } belongs to a thread, so its \
                role must be Internal"
)]
fn partial_sums_of_the_caller_are_refused() {
    run_changed(|program| program.buffers[16].role = Role::Input);
}

#[test]
#[should_panic(
    expected = "View { buffer: 16, column: 0, width: 3, delay: None } is read before it is summed"
)]
fn reading_partial_sums_is_refused() {
    run_changed(|program| {
        let phase = first_phase(program);
        phase
            .arrays
            .push(Array::of_columns(View { buffer: 16, column: 0, width: 3, delay: None }, 3));
        phase.ops[0] = RowOp::Unary(Unary::Square, 3, 1);
    });
}

#[test]
#[should_panic(
    expected = "View { buffer: 10, column: 0, width: 1, delay: None } is reduced in the same phase"
)]
fn reading_a_sum_in_its_own_phase_is_refused() {
    run_changed(|program| {
        let scale = RowOp::Binary(Binary::Mul, [0, 2], 1);
        first_phase(program).ops.push(scale);
    });
}

#[test]
#[should_panic(expected = "a buffer fits memory")]
fn more_rows_than_memory_are_refused() {
    let buffers = vec![Buffer { lifetime: Lifetime::Sequence, width: 1, role: Role::Output }];
    let sizes = Sizes { steps: 2, rows: 1 << (usize::BITS - 1), segment: 1, reversed: false };
    RowProgram::<f64> { buffers, ..RowProgram::default() }.run(sizes, &[], &[], &mut [&mut []]);
}
