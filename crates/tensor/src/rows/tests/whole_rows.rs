//! Products of matrices that rows hold, their sums, and functions of whole rows, against plain loops.

use super::*;

const ROWS: usize = 3;
const STEPS: usize = 4;
const INNER: usize = 2;

/// An operand whose rows hold matrices of this many columns, with columns of the buffer before and after them.
struct Operand {
    view: View,
    values: Tensor<f64>,
}

impl Operand {
    fn new(program: &mut RowProgram<f64>, lifetime: Lifetime, width: usize, margin: usize) -> Self {
        let (buffer, all) = (program.buffers.len(), width + 2 * margin);
        program.buffers.push(Buffer { lifetime, width: all, role: Role::Input });
        let rows = if lifetime == Lifetime::Row { 1 } else { STEPS * ROWS };
        let value = move |i: usize| ((i * 7 + 3 * buffer) % 11) as f64 - 4.0;
        let view = View { buffer, column: margin, width, delay: None };
        Self { view, values: Tensor::from_fn([rows, all], value) }
    }

    fn row(&self, row: usize) -> &[f64] {
        let row = if self.values.shape()[0] == 1 { 0 } else { row };
        let start = row * self.values.shape()[1] + self.view.column;
        &self.values.as_slice()[start..start + self.view.width]
    }
}

/// Adds an output buffer of this width.
fn output(program: &mut RowProgram<f64>, lifetime: Lifetime, width: usize) -> View {
    let buffer = program.buffers.len();
    program.buffers.push(Buffer { lifetime, width, role: Role::Output });
    View { buffer, column: 0, width, delay: None }
}

/// Runs a program for [`ROWS`] rows of [`STEPS`] steps, with one output.
fn run(program: &RowProgram<f64>, packed: &[PackedRhs<f64>], operands: &[&Operand]) -> Vec<f64> {
    let inputs: Vec<&Tensor<f64>> = operands.iter().map(|operand| &operand.values).collect();
    let last = program.buffers.last().expect("an output");
    let rows = if last.lifetime == Lifetime::Total { 1 } else { STEPS * ROWS };
    let mut found = vec![f64::NAN; rows * last.width];
    let sizes = Sizes { steps: STEPS, rows: ROWS, segment: 3, reversed: false };
    program.run(sizes, packed, &inputs, &mut [&mut found]);
    found
}

/// Rows have gaps between their matrices, or none. The product is added to nothing, to one inner row for all, to a matrix
/// for all or to a matrix of each row. It is computed for all steps at once or in the loop.
#[test]
fn products_of_matrices() {
    let (inner, columns) = (3, 2);
    let weight = Tensor::from_fn([inner, columns], |i| i as f64 - 2.5);
    let packed = [PackedRhs::new(&weight, false)];
    let added = [
        None,
        Some((Lifetime::Row, 1)),
        Some((Lifetime::Row, INNER)),
        Some((Lifetime::Sequence, INNER)),
    ];
    for (margin, added, in_loop) in [0, 5]
        .into_iter()
        .flat_map(|m| added.into_iter().flat_map(move |a| [(m, a, false), (m, a, true)]))
    {
        let mut program = RowProgram::default();
        let left = Operand::new(&mut program, Lifetime::Sequence, INNER * inner, margin);
        let added = added.map(|(lifetime, rows)| {
            Operand::new(&mut program, lifetime, rows * columns, if rows == 1 { 0 } else { margin })
        });
        let product = vec![Instruction::MatMul {
            left: left.view,
            right: 0,
            accumulate: added.as_ref().map_or(Accumulate::Zero, |it| Accumulate::Rows(it.view)),
            output: output(&mut program, Lifetime::Sequence, INNER * columns),
            inner_rows: INNER,
        }];
        if in_loop {
            program.step = product;
        } else {
            program.before = product;
        }
        let operands: Vec<&Operand> = [&left].into_iter().chain(&added).collect();
        let found = run(&program, &packed, &operands);
        for (i, &found) in found.iter().enumerate() {
            let (row, inner_row, column) =
                (i / (INNER * columns), i / columns % INNER, i % columns);
            let start = added.as_ref().map_or(0.0, |added| {
                let row = added.row(row);
                row[(inner_row * columns + column) % row.len()]
            });
            let own = &left.row(row)[inner_row * inner..][..inner];
            let product: f64 =
                (0..inner).map(|k| own[k] * weight.as_slice()[k * columns + column]).sum();
            assert_eq!(found, start + product, "row {row}, {inner_row}, column {column}");
        }
    }
}

/// `Σ leftᵀ · right` over all inner rows, of operands with and without gaps.
#[test]
fn sums_of_products_of_matrices() {
    let [m, n] = [3, 2];
    for margins in [[0, 0], [4, 0], [0, 4], [4, 4]] {
        let mut program = RowProgram::default();
        let [left, right] = [(m, margins[0]), (n, margins[1])].map(|(columns, margin)| {
            Operand::new(&mut program, Lifetime::Sequence, INNER * columns, margin)
        });
        let total = output(&mut program, Lifetime::Total, m * n).buffer;
        program.sums =
            vec![Sum::Products { left: left.view, right: right.view, total, inner_rows: INNER }];
        let found = run(&program, &[], &[&left, &right]);
        for (i, &found) in found.iter().enumerate() {
            let products = (0..STEPS * ROWS * INNER).map(|inner_row| {
                let (row, own) = (inner_row / INNER, inner_row % INNER);
                left.row(row)[own * m + i / n] * right.row(row)[own * n + i % n]
            });
            assert_eq!(found, products.sum::<f64>(), "{margins:?}, element {i}");
        }
    }
}

/// The sum over no rows is zero.
#[test]
fn sums_over_no_rows() {
    let mut program = RowProgram::default();
    let [left, right] =
        [0, 4].map(|margin| Operand::new(&mut program, Lifetime::Sequence, INNER * 3, margin));
    let total = output(&mut program, Lifetime::Total, 9).buffer;
    program.sums =
        vec![Sum::Products { left: left.view, right: right.view, total, inner_rows: INNER }];
    let mut found = vec![f64::NAN; 9];
    let sizes = Sizes { steps: STEPS, rows: 0, segment: 3, reversed: false };
    let nothing = Tensor::zeros([0]);
    program.run(sizes, &[], &[&nothing, &nothing], &mut [&mut found]);
    assert_eq!(found, [0.0; 9]);
}

#[test]
fn functions_of_whole_rows() {
    for (margin, stage) in [(0, 0), (3, 0), (0, 1), (3, 1), (3, 2)] {
        let mut program = RowProgram::default();
        let x = Operand::new(&mut program, Lifetime::Sequence, 4, margin);
        let shared = Operand::new(&mut program, Lifetime::Row, 2, 0);
        let function = |inputs: &[&[f64]], output: &mut [f64]| {
            output.iter_mut().zip(inputs[0].iter().rev()).for_each(|(y, &x)| *y = x);
            output[4] = inputs[1].iter().sum();
        };
        let apply = Instruction::Apply {
            name: "flip".into(),
            function: Kernel::new(function),
            inputs: vec![x.view, shared.view],
            output: output(&mut program, Lifetime::Sequence, 5),
        };
        [&mut program.before, &mut program.step, &mut program.after][stage].push(apply);
        let found = run(&program, &[], &[&x, &shared]);
        for (row, found) in found.chunks_exact(5).enumerate() {
            let mut expected: Vec<f64> = x.row(row).iter().rev().copied().collect();
            expected.push(shared.row(0).iter().sum());
            assert_eq!(found, expected, "row {row}");
        }
    }
}

/// Many rows are divided among threads.
#[test]
fn functions_of_many_rows() {
    let (steps, rows, width) = (50, 40, 60);
    for stage in 0..3 {
        let mut program = RowProgram::default();
        let x = Operand::new(&mut program, Lifetime::Sequence, width, 0).view;
        let function = Kernel::new(|inputs: &[&[f64]], output: &mut [f64]| {
            output.iter_mut().zip(inputs[0].iter().rev()).for_each(|(y, &x)| *y = x);
        });
        let y = output(&mut program, Lifetime::Sequence, width);
        let apply =
            Instruction::Apply { name: String::new(), function, inputs: vec![x], output: y };
        [&mut program.before, &mut program.step, &mut program.after][stage].push(apply);
        let values = Tensor::from_fn([steps * rows, width], |i| i as f64);
        let mut found = vec![f64::NAN; values.len()];
        let sizes = Sizes { steps, rows, segment: 20, reversed: true };
        program.run(sizes, &[], &[&values], &mut [&mut found]);
        let pairs = found.chunks_exact(width).zip(values.as_slice().chunks_exact(width));
        assert!(pairs.into_iter().all(|(found, row)| found.iter().eq(row.iter().rev())));
    }
}

/// Another piece would overwrite what this one computes.
#[test]
#[should_panic(expected = "waits for the threads that run the step")]
fn a_function_that_begins_another_piece_is_refused() {
    fn program(function: Kernel<f64>) -> RowProgram<f64> {
        let mut program = RowProgram::default();
        let output = output(&mut program, Lifetime::Sequence, 2);
        let name = String::new();
        program.before = vec![Instruction::Apply { name, function, inputs: vec![], output }];
        program
    }
    run(
        &program(Kernel::new(|_: &[&[f64]], y: &mut [f64]| {
            let inner = Kernel::new(|_: &[&[f64]], y: &mut [f64]| y.fill(1.0));
            y.copy_from_slice(&run(&program(inner), &[], &[])[..2]);
        })),
        &[],
        &[],
    );
}

#[test]
#[should_panic(expected = "is read and written")]
fn a_function_of_rows_does_not_write_what_it_reads() {
    let mut program = RowProgram::default();
    let x = output(&mut program, Lifetime::Sequence, 2);
    let function = Kernel::new(|_: &[&[f64]], _: &mut [f64]| {});
    program.step =
        vec![Instruction::Apply { name: String::new(), function, inputs: vec![x], output: x }];
    run(&program, &[], &[]);
}

#[test]
#[should_panic(expected = "does not hold 4 rows")]
fn a_sum_of_parts_of_inner_rows_is_refused() {
    let mut program = RowProgram::default();
    let x = Operand::new(&mut program, Lifetime::Sequence, 6, 0);
    let total = output(&mut program, Lifetime::Total, 1).buffer;
    program.sums = vec![Sum::Products { left: x.view, right: x.view, total, inner_rows: 4 }];
    run(&program, &[], &[&x]);
}

#[test]
#[should_panic(expected = "[Some(4), Some(4)]")]
fn a_product_of_matrices_of_other_extents_is_refused() {
    let mut program = RowProgram::default();
    let left = Operand::new(&mut program, Lifetime::Sequence, 6, 0);
    program.step = vec![Instruction::MatMul {
        left: left.view,
        right: 0,
        accumulate: Accumulate::Zero,
        output: output(&mut program, Lifetime::Sequence, 4),
        inner_rows: 2,
    }];
    run(&program, &[PackedRhs::new(&Tensor::ones([2, 2]), false)], &[&left]);
}
