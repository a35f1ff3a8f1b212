//! Programs against the same equations in plain loops. Small, so that Miri runs them as well.

mod operands;

use super::*;
use crate::{Binary, Unary};

/// A gated recurrence with every kind of instruction:
///
/// ```text
/// z = x W + b + h₋ U
/// n = z / (Σ z² + 1)
/// h = σ(n) ⊙ h₋ + tanh n
/// y = h V, dU = Σ h₋ᵀ n, db = Σ n
/// ```
fn program(input: usize, hidden: usize, output: usize) -> RowProgram<f64> {
    let buffer = |lifetime, width, role| Buffer { lifetime, width, role };
    let view = |buffer, width| View { buffer, column: 0, width, delay: None };
    let (x, b, h0) = (0, 1, 2);
    let (h, y, last, d_u, d_b) = (3, 4, 5, 6, 7);
    let (projected, square, norm, n, z) = (8, 9, 10, 11, 12);
    let (divisor, gate, kept, sums, one) = (13, 14, 15, 16, 17);
    let before = View { delay: Some(Delay { ahead: false, edge: h0 }), ..view(h, hidden) };
    use RowOp::{AddRows, Binary as Two, Reduce, Unary as One};
    RowProgram {
        buffers: vec![
            buffer(Lifetime::Sequence, input, Role::Input),
            buffer(Lifetime::Row, hidden, Role::Input),
            buffer(Lifetime::Step, hidden, Role::Input),
            buffer(Lifetime::Sequence, hidden, Role::Output),
            buffer(Lifetime::Sequence, output, Role::Output),
            buffer(Lifetime::Step, hidden, Role::Output),
            buffer(Lifetime::Total, hidden * hidden, Role::Output),
            buffer(Lifetime::Total, hidden, Role::Output),
            buffer(Lifetime::Segment, hidden, Role::Internal),
            buffer(Lifetime::Chunk, hidden, Role::Internal),
            buffer(Lifetime::Block, 1, Role::Internal),
            buffer(Lifetime::Segment, hidden, Role::Internal),
            buffer(Lifetime::Step, hidden, Role::Internal),
            buffer(Lifetime::Block, 1, Role::Internal),
            buffer(Lifetime::Chunk, hidden, Role::Internal),
            buffer(Lifetime::Block, hidden, Role::Internal),
            buffer(Lifetime::Partial, hidden, Role::Internal),
            buffer(Lifetime::Row, 1, Role::Constant(1.0)),
        ],
        before: vec![Instruction::MatMul {
            left: view(x, input),
            right: 0,
            accumulate: Accumulate::Rows(view(b, hidden)),
            output: view(projected, hidden),
        }],
        step: vec![
            Instruction::MatMul {
                left: before,
                right: 1,
                accumulate: Accumulate::Rows(view(projected, hidden)),
                output: view(z, hidden),
            },
            Instruction::Fused(vec![
                Phase {
                    width: hidden,
                    arrays: vec![view(z, hidden), view(square, hidden), view(norm, 1)],
                    ops: vec![One(Unary::Square, 0, 1), Reduce(Reduction::Sum, 1, 2)],
                },
                Phase {
                    width: 1,
                    arrays: vec![view(norm, 1), view(divisor, 1), view(one, 1)],
                    ops: vec![Two(Binary::Add, [0, 2], 1)],
                },
                Phase {
                    width: hidden,
                    arrays: vec![
                        view(z, hidden),
                        view(divisor, 1),
                        view(n, hidden),
                        view(gate, hidden),
                        before,
                        view(kept, hidden),
                    ],
                    ops: vec![
                        Two(Binary::Div, [0, 1], 2),
                        One(Unary::Sigmoid, 2, 3),
                        Two(Binary::Mul, [3, 4], 5),
                    ],
                },
                Phase {
                    width: hidden,
                    arrays: vec![
                        view(n, hidden),
                        view(gate, hidden),
                        view(kept, hidden),
                        view(h, hidden),
                    ],
                    ops: vec![One(Unary::Tanh, 0, 1), Two(Binary::Add, [1, 2], 3)],
                },
            ]),
        ],
        after: vec![
            Instruction::MatMul {
                left: view(h, hidden),
                right: 2,
                accumulate: Accumulate::Zero,
                output: view(y, output),
            },
            Instruction::Fused(vec![Phase {
                width: hidden,
                arrays: vec![view(n, hidden), view(sums, hidden)],
                ops: vec![AddRows(0, 1)],
            }]),
        ],
        sums: vec![
            Sum::Products { left: before, right: view(n, hidden), total: d_u },
            Sum::Partials { partials: sums, total: d_b },
        ],
        finals: vec![(view(h, hidden), last)],
    }
}

struct Case {
    sizes: Sizes,
    widths: [usize; 3],
    tensors: [Tensor<f64>; 6],
}

impl Case {
    fn new(sizes: Sizes, widths: [usize; 3]) -> Self {
        let [input, hidden, output] = widths;
        let shapes: [&[usize]; 6] = [
            &[sizes.steps, sizes.rows, input],
            &[hidden],
            &[sizes.rows, hidden],
            &[input, hidden],
            &[hidden, hidden],
            &[hidden, output],
        ];
        let mut seed = 0.0;
        let tensors = shapes.map(|shape| {
            seed += 1.0;
            Tensor::from_fn(shape, |i| (seed * (i as f64 + 1.3)).sin())
        });
        Self { sizes, widths, tensors }
    }

    fn packed(&self) -> Vec<PackedRhs<f64>> {
        self.tensors[3..].iter().map(|weight| PackedRhs::new(weight, false)).collect()
    }

    /// h, y, last state, dU and db.
    fn run(&self) -> Vec<Vec<f64>> {
        let [input, hidden, output] = self.widths;
        let rows = self.sizes.steps * self.sizes.rows;
        let lens =
            [rows * hidden, rows * output, self.sizes.rows * hidden, hidden * hidden, hidden];
        let mut outputs: Vec<Vec<f64>> = lens.iter().map(|&len| vec![f64::NAN; len]).collect();
        let mut slices: Vec<&mut [f64]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
        let [x, b, h0, ..] = &self.tensors;
        program(input, hidden, output).run(self.sizes, &self.packed(), &[x, b, h0], &mut slices);
        outputs
    }

    /// The same in plain loops.
    fn expected(&self) -> Vec<Vec<f64>> {
        let [_, hidden, _] = self.widths;
        let [x, b, h0, w, u, v] = &self.tensors;
        let Sizes { steps, rows, reversed, .. } = self.sizes;
        let mut h = h0.clone();
        let mut hs = vec![Tensor::zeros([rows, hidden]); steps];
        let (mut d_u, mut d_b) = (Tensor::zeros([hidden, hidden]), Tensor::zeros([hidden]));
        for count in 0..steps {
            let time = if reversed { steps - 1 - count } else { count };
            let z = x.index_first(time).matmul(w).add(b).add(&h.matmul(u));
            let n = z.div(&z.square().sum_keep(&[1]).add(&Tensor::scalar(1.0)));
            d_u.add_assign(&h.matmul_with(&n, crate::Transpose::LEFT));
            d_b.add_assign(&n.sum(&[0]));
            h = n.sigmoid().mul(&h).add(&n.tanh());
            hs[time] = h.clone();
        }
        let flat = |tensors: &[Tensor<f64>]| tensors.iter().flat_map(Tensor::to_vec).collect();
        let ys: Vec<Tensor<f64>> = hs.iter().map(|h| h.matmul(v)).collect();
        vec![flat(&hs), flat(&ys), h.to_vec(), d_u.to_vec(), d_b.to_vec()]
    }
}

#[track_caller]
fn assert_near(found: &[Vec<f64>], expected: &[Vec<f64>]) {
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.len(), expected.len());
        for (x, y) in found.iter().zip(expected) {
            assert!((x - y).abs() <= 1e-12 * y.abs().max(1.0), "{x}, not {y}");
        }
    }
}

#[test]
fn a_program_computes_its_equations() {
    let sizes = [(1, 1, 1), (2, 1, 1), (5, 2, 2), (4, 3, 4), (3, 9, 1), (7, 1, 3)];
    for (steps, rows, segment) in sizes {
        for reversed in [false, true] {
            for widths in [[1, 1, 1], [2, 3, 5]] {
                let case = Case::new(Sizes { steps, rows, segment, reversed }, widths);
                assert_near(&case.run(), &case.expected());
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "large on purpose")]
fn rows_wider_than_a_chunk_are_summed_whole() {
    let sizes = Sizes { steps: 2, rows: 3, segment: 2, reversed: false };
    let case = Case::new(sizes, [2, 1100, 3]);
    assert_near(&case.run(), &case.expected());
}

#[test]
#[cfg_attr(miri, ignore = "large on purpose")]
fn bits_do_not_depend_on_the_number_of_threads() {
    let many_steps = Sizes { steps: 40, rows: 33, segment: 16, reversed: true };
    // of weights that no cache holds, each thread reads a part
    let large_weights = Sizes { steps: 3, rows: 9, segment: 2, reversed: false };
    for (sizes, widths) in [(many_steps, [40, 130, 70]), (large_weights, [3, 450, 5])] {
        let case = Case::new(sizes, widths);
        assert_near(&case.run(), &case.expected());
        let bits = |threads: usize| -> Vec<u64> {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let results = pool.expect("a pool").install(|| case.run());
            results.into_iter().flatten().map(f64::to_bits).collect()
        };
        let one = bits(1);
        for threads in [2, 3, 5] {
            assert!(bits(threads) == one, "{threads} threads compute other bits than one");
        }
    }
}

/// The program without what only a whole sequence has.
fn online() -> (RowProgram<f64>, Case) {
    let sizes = Sizes { steps: 3, rows: 2, segment: 1, reversed: false };
    let case = Case::new(sizes, [2, 3, 5]);
    let mut program = program(2, 3, 5);
    program.sums.clear();
    program.after.pop(); // what adds up rows for them
    (program, case)
}

#[test]
fn a_session_computes_the_same_step_by_step() {
    let (program, case) = online();
    let expected = case.expected();
    let [x, b, h0, ..] = &case.tensors;
    let entry = Tensor::zeros([2, 2]);
    let mut session = Session::new(program, 2, case.packed(), &[&entry, b, h0], &[2]);
    for t in 0..3 {
        session.buffer_mut(0).copy_from_slice(x.index_first(t).as_slice());
        session.step();
        let y = session.buffer(4)[..10].to_vec();
        assert_near(&[y], &[expected[1][t * 10..][..10].to_vec()]);
    }
    assert_near(&[session.buffer(2)[..6].to_vec()], &[expected[2].clone()]);
}

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
#[should_panic(expected = "is not within")]
fn a_view_outside_its_buffer_is_refused() {
    run_changed(|program| first_view(program).column = 1);
}

#[test]
#[should_panic(expected = "cannot be written")]
fn writing_an_input_is_refused() {
    run_changed(|program| match &mut program.after[0] {
        Instruction::MatMul { output, .. } => *output = View { buffer: 0, width: 2, ..*output },
        _ => unreachable!("a product comes last"),
    });
}

#[test]
#[should_panic(expected = "does not keep the step beside")]
fn a_step_before_that_is_gone_is_refused() {
    let delay = Some(Delay { ahead: false, edge: 2 });
    run_changed(|program| match &mut program.step[0] {
        Instruction::MatMul { left, .. } => *left = View { buffer: 8, delay, ..*left },
        _ => unreachable!("a product comes first"),
    });
}

#[test]
#[should_panic(expected = "Unary")]
fn a_function_that_writes_what_it_reads_is_refused() {
    run_changed(|program| {
        first_phase(program).ops[0] = RowOp::Unary(Unary::Square, 1, 1);
    });
}

/// That of the step.
fn first_phase(program: &mut RowProgram<f64>) -> &mut Phase<f64> {
    match &mut program.step[1] {
        Instruction::Fused(phases) => &mut phases[0],
        Instruction::MatMul { .. } => unreachable!("a product comes first"),
    }
}

#[test]
#[should_panic(expected = "Reduce")]
fn a_sum_in_what_a_phase_overwrites_is_refused() {
    run_changed(|program| {
        program.buffers[10].lifetime = Lifetime::Chunk;
    });
}

#[test]
#[should_panic(expected = "Unary")]
fn a_function_of_another_width_is_refused() {
    run_changed(|program| first_phase(program).width = 2);
}

#[test]
#[should_panic(expected = "is not partial")]
fn rows_are_added_to_partial_sums_only() {
    run_changed(|program| {
        program.buffers[16].lifetime = Lifetime::Segment;
    });
}

#[test]
#[should_panic(expected = "is not within")]
fn columns_beyond_all_numbers_are_refused() {
    run_changed(|program| first_view(program).column = usize::MAX - 1);
}

#[test]
#[should_panic(expected = "has not a row for every row")]
fn a_sum_over_one_step_is_refused() {
    run_changed(|program| match &mut program.sums[0] {
        Sum::Products { right, .. } => right.buffer = 2,
        Sum::Partials { .. } => unreachable!("products come first"),
    });
}

#[test]
#[should_panic(expected = "has not a row for every row")]
fn a_sum_of_products_with_one_row_is_refused() {
    run_changed(|program| match &mut program.sums[0] {
        Sum::Products { left, .. } => *left = View { buffer: 1, delay: None, ..*left },
        Sum::Partials { .. } => unreachable!("products come first"),
    });
}

#[test]
#[should_panic(expected = "has not a row for every row")]
fn a_sum_of_products_with_one_row_at_an_edge_is_refused() {
    run_changed(|program| match &mut program.sums[0] {
        Sum::Products { left, .. } => left.delay = Some(Delay { ahead: false, edge: 1 }),
        Sum::Partials { .. } => unreachable!("products come first"),
    });
}

#[test]
#[should_panic(expected = "is copied to itself")]
fn a_final_that_is_its_own_source_is_refused() {
    run_changed(|program| {
        let view = View { buffer: 5, ..program.finals[0].0 };
        program.finals[0] = (view, 5);
    });
}

#[test]
#[should_panic(expected = "is written, and read at an edge")]
fn an_edge_that_is_written_is_refused() {
    run_changed(|program| match &mut program.step[0] {
        Instruction::MatMul { left, .. } => {
            left.delay = Some(Delay { ahead: false, edge: 5 });
        }
        _ => unreachable!("a product comes first"),
    });
}

#[test]
#[should_panic(expected = "is one number")]
fn a_number_of_several_columns_is_refused() {
    run_changed(|program| program.buffers[17].width = 2);
}

#[test]
#[should_panic(expected = "is one number")]
fn a_number_of_every_step_is_refused() {
    run_changed(|program| program.buffers[17].lifetime = Lifetime::Sequence);
}

#[test]
#[should_panic(expected = "cannot be written")]
fn writing_a_number_is_refused() {
    run_changed(|program| {
        let phase = first_phase(program);
        phase.arrays[2].buffer = 17;
    });
}

#[test]
#[should_panic(expected = "while other steps are written")]
fn a_step_beside_that_is_being_written_is_refused() {
    run_changed(|program| {
        let delay = Some(Delay { ahead: false, edge: 2 });
        let [read, write] =
            [delay, None].map(|delay| View { buffer: 3, column: 0, width: 3, delay });
        let ops = vec![RowOp::Unary(Unary::Neg, 0, 1)];
        program.after.push(Instruction::Fused(vec![Phase {
            width: 3,
            arrays: vec![read, write],
            ops,
        }]));
    });
}

#[test]
#[should_panic(expected = "at least one step")]
fn no_steps_are_refused() {
    let sizes = Sizes { steps: 0, rows: 2, segment: 1, reversed: false };
    Case::new(sizes, [2, 3, 5]).run();
}

#[test]
#[should_panic(expected = "is a part of a chunk")]
fn a_part_of_a_chunk_is_refused() {
    run_changed(|program| program.buffers[9].width = 4);
}

#[test]
#[should_panic(expected = "does not last beyond")]
fn a_product_into_a_block_is_refused() {
    run_changed(|program| program.buffers[12].lifetime = Lifetime::Block);
}

#[test]
#[should_panic(expected = "does not last beyond")]
fn a_final_of_a_block_is_refused() {
    run_changed(|program| program.finals[0].0.buffer = 15);
}

#[test]
#[should_panic(expected = "is a thread's own")]
fn partial_sums_of_the_caller_are_refused() {
    run_changed(|program| program.buffers[16].role = Role::Input);
}

#[test]
#[should_panic(expected = "is read before it is summed")]
fn reading_partial_sums_is_refused() {
    run_changed(|program| {
        let phase = first_phase(program);
        phase.arrays.push(View { buffer: 16, column: 0, width: 3, delay: None });
        phase.ops[0] = RowOp::Unary(Unary::Square, 3, 1);
    });
}

#[test]
#[should_panic(expected = "is reduced in the same phase")]
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

#[test]
fn the_sum_of_no_columns_is_zero() {
    let buffer = |width, role| Buffer { lifetime: Lifetime::Sequence, width, role };
    let view = |buffer, width| View { buffer, column: 0, width, delay: None };
    let arrays = vec![view(0, 0), view(1, 1)];
    let program = RowProgram {
        buffers: vec![buffer(0, Role::Input), buffer(1, Role::Output)],
        step: vec![Instruction::Fused(vec![Phase {
            width: 0,
            arrays,
            ops: vec![RowOp::Reduce(Reduction::Sum, 0, 1)],
        }])],
        ..RowProgram::default()
    };
    let sizes = Sizes { steps: 1, rows: 2, segment: 1, reversed: false };
    let mut sums = [7.0; 2];
    program.run(sizes, &[], &[&Tensor::zeros([1, 2, 0])], &mut [&mut sums]);
    assert_eq!(sums, [0.0; 2]);
}

#[test]
fn a_row_is_reduced_whatever_its_width() {
    type Join = fn(f64, f64) -> f64;
    let reductions: [(Reduction, Join); 3] = [
        (Reduction::Sum, |x, y| x + y),
        (Reduction::Max, |x, y| if x.is_nan() || y.is_nan() { f64::NAN } else { x.max(y) }),
        (Reduction::Min, |x, y| if x.is_nan() || y.is_nan() { f64::NAN } else { x.min(y) }),
    ];
    for (reduction, join) in reductions {
        let widths: &[usize] =
            if cfg!(miri) { &[15, 70, 1030] } else { &[1, 15, 16, 70, 1024, 1030, 2200] };
        for &width in widths {
            let rows = 3;
            let mut x = Tensor::from_fn([rows, width], |i| {
                ((i * 37 + 11) % 101) as f64 - 50.0 + rows as f64
            });
            x.as_mut_slice()[2 * width + width / 2] = f64::NAN; // in the last row
            let found = reduced(reduction, &x);
            for (row, found) in x.as_slice().chunks_exact(width).zip(found) {
                let expected = row.iter().copied().reduce(join).unwrap();
                assert!(found == expected || row.iter().any(|x| x.is_nan()) && found.is_nan());
            }
        }
    }
}

/// Each of three rows, reduced.
fn reduced(reduction: Reduction, x: &Tensor<f64>) -> [f64; 3] {
    let [rows, width] = x.shape()[..] else { panic!("a matrix") };
    let buffer = |width, role| Buffer { lifetime: Lifetime::Sequence, width, role };
    let view = |buffer, width| View { buffer, column: 0, width, delay: None };
    let phase = Phase {
        width,
        arrays: vec![view(0, width), view(1, 1)],
        ops: vec![RowOp::Reduce(reduction, 0, 1)],
    };
    let program = RowProgram {
        buffers: vec![buffer(width, Role::Input), buffer(1, Role::Output)],
        step: vec![Instruction::Fused(vec![phase])],
        ..RowProgram::default()
    };
    let sizes = Sizes { steps: 1, rows, segment: 1, reversed: false };
    let mut found = [0.0; 3];
    program.run(sizes, &[], &[x], &mut [&mut found]);
    found
}

#[test]
fn a_norm_is_that_of_the_row_whatever_its_width_and_magnitude() {
    let widths: &[usize] = if cfg!(miri) { &[15, 1030] } else { &[1, 15, 70, 1030, 2200] };
    for (&width, scale) in widths.iter().flat_map(|w| [1.0, 1e-300, 1e300].map(|s| (w, s))) {
        let rows = [-1.0, 0.0, f64::NAN].map(|factor| factor * scale);
        let x = Tensor::from_fn([3, width], |i| (i % width % 7 + 1) as f64 * rows[i / width]);
        let [found, of_zeros, of_nan] = reduced(Reduction::Norm, &x);
        let squares: f64 = (0..width).map(|i| ((i % 7 + 1) as f64).powi(2)).sum();
        let expected = squares.sqrt() * scale;
        assert!((found - expected).abs() <= 1e-14 * expected, "{width}: {found}, not {expected}");
        assert!(of_zeros == 0.0 && of_nan.is_nan());
    }
}
