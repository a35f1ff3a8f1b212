//! Phases of several axes, against the same functions in plain loops.

use super::*;

const ROWS: usize = 3;

/// The combination of two elements of a reduction.
type Join = fn(f64, f64) -> f64;

/// A way to lay out an operand: the axes along which it is broadcast, whether its axes are in
/// reverse order in memory, and columns of the buffer before and after it.
#[derive(Clone, Debug)]
struct Layout {
    broadcast: Vec<bool>,
    transposed: bool,
    margin: usize,
}

impl Layout {
    /// The strides of axes of these extents, and the number of elements.
    fn strides(&self, axes: &[usize]) -> (Axes, usize) {
        let mut strides = Axes::from_elem(0, axes.len());
        let mut next = 1;
        let mut order: Vec<usize> = (0..axes.len()).collect();
        if !self.transposed {
            order.reverse();
        }
        for axis in order.into_iter().filter(|&axis| !self.broadcast[axis]) {
            strides[axis] = next;
            next *= axes[axis];
        }
        (strides, next)
    }
}

/// An operand of a phase of these axes: its buffer, its array and its elements.
fn operand(axes: &[usize], layout: &Layout, buffer: usize) -> (Buffer, Array, Tensor<f64>) {
    let (strides, width) = layout.strides(axes);
    let all = width + 2 * layout.margin;
    let view = View { buffer, column: layout.margin, width, delay: None };
    let value = move |i: usize| ((i * 7 + 3 * buffer) % 11) as f64 - 4.0;
    (
        Buffer { lifetime: Lifetime::Sequence, width: all, role: Role::Input },
        Array { view, strides },
        Tensor::from_fn([1, ROWS, all], value),
    )
}

/// The element of an operand at a row and a position.
fn at(array: &Array, values: &Tensor<f64>, row: usize, index: &[usize]) -> f64 {
    let column: usize = index.iter().zip(&array.strides).map(|(i, stride)| i * stride).sum();
    let all = values.shape()[2];
    values.as_slice()[row * all + array.view.column + column]
}

/// Calls `visit` with the position of each element, in order.
fn for_each(axes: &[usize], mut visit: impl FnMut(&[usize])) {
    let mut index = vec![0; axes.len()];
    for _ in 0..axes.iter().product::<usize>() {
        visit(&index);
        for axis in (0..axes.len()).rev() {
            index[axis] += 1;
            if index[axis] < axes[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
}

/// Runs an operation on operands of these layouts. The target keeps the axes that are not `reduced`.
fn run(
    axes: &[usize],
    layouts: &[Layout],
    op: RowOp<f64>,
    reduced: &[bool],
    add_rows: bool,
) -> (Vec<f64>, Vec<(Array, Tensor<f64>)>) {
    let (mut program, mut operands) = (RowProgram::default(), Vec::new());
    for (buffer, layout) in layouts.iter().enumerate() {
        let (own, array, values) = operand(axes, layout, buffer);
        program.buffers.push(own);
        operands.push((array, values));
    }
    let target = Layout { broadcast: reduced.to_vec(), transposed: false, margin: 0 };
    let (strides, width) = target.strides(axes);
    let buffer = program.buffers.len();
    let mut arrays: Vec<Array> = operands.iter().map(|(array, _)| array.clone()).collect();
    let view = View { buffer: buffer + usize::from(add_rows), column: 0, width, delay: None };
    arrays.push(Array { view, strides });
    let phase = Phase { axes: axes.into(), arrays, ops: vec![op] };
    let stage = vec![Instruction::Fused(vec![phase])];
    let lifetime = if add_rows { Lifetime::Total } else { Lifetime::Sequence };
    program.buffers.push(Buffer { lifetime, width, role: Role::Output });
    if add_rows {
        let lifetime = Lifetime::Partial;
        program.buffers.push(Buffer { lifetime, width, role: Role::Internal });
        program.sums = vec![Sum::Partials { partials: buffer + 1, total: buffer }];
        program.after = stage;
    } else {
        program.step = stage;
    }
    let mut found = vec![f64::NAN; if add_rows { width } else { ROWS * width }];
    let inputs: Vec<&Tensor<f64>> = operands.iter().map(|(_, values)| values).collect();
    let sizes = Sizes { steps: 1, rows: ROWS, segment: 1, reversed: false };
    program.run(sizes, &[], &inputs, &mut [&mut found]);
    (found, operands)
}

/// The layouts of an operand of this many axes.
fn layouts(axes: usize) -> Vec<Layout> {
    let mut layouts = Vec::new();
    for broadcast in 0..1 << axes {
        let broadcast: Vec<bool> = (0..axes).map(|axis| broadcast >> axis & 1 == 1).collect();
        for (transposed, margin) in [(false, 0), (true, 0), (false, 3)] {
            layouts.push(Layout { broadcast: broadcast.clone(), transposed, margin });
        }
    }
    layouts
}

/// Axes with rows that are short, long, and wider than a chunk.
fn shapes() -> Vec<Vec<usize>> {
    if cfg!(miri) {
        return vec![vec![2, 3], vec![2, 3, 16]];
    }
    vec![
        vec![5],
        vec![3, 5],
        vec![70, 16],
        vec![2, 3, 4],
        vec![2, 40, 32],
        vec![3, 2, 1030],
        vec![2, 2, 3, 2],
    ]
}

#[test]
fn functions_read_every_layout() {
    for axes in shapes() {
        let plain = Layout { broadcast: vec![false; axes.len()], transposed: false, margin: 0 };
        for layout in layouts(axes.len()) {
            let kinds = [layout, plain.clone()];
            let op = RowOp::Binary(Binary::Sub, [0, 1], 2);
            let (found, operands) = run(&axes, &kinds, op, &vec![false; axes.len()], false);
            let mut found = found.into_iter();
            for row in 0..ROWS {
                for_each(&axes, |index| {
                    let [a, b] = [0, 1].map(|i| at(&operands[i].0, &operands[i].1, row, index));
                    assert_eq!(found.next(), Some(a - b), "{axes:?} {kinds:?} at {index:?}");
                });
            }
        }
    }
}

#[test]
fn short_rows_are_read_in_place() {
    for kind in [MulKind::Plain, MulKind::Chain] {
        let op = RowOp::MulAdd(kind, [0, 1, 2], 3);
        assert_every_broadcast::<3>(&op, |[a, b, c]| a * b + c);
    }
}

#[test]
fn two_products_of_short_rows_are_read_in_place() {
    for kind in [MulKind::Plain, MulKind::Chain] {
        let op = RowOp::MulMulAdd(kind, [0, 1, 2, 3], 4);
        assert_every_broadcast::<4>(&op, |[a, b, c, d]| a * b + c * d);
    }
}

/// Asserts that an operation computes `f` of operands that are broadcast along any of the last two
/// axes.
fn assert_every_broadcast<const N: usize>(op: &RowOp<f64>, f: impl Fn([f64; N]) -> f64) {
    let (shapes, every) = match cfg!(miri) {
        true => (&[(2, 16)][..], 37), // Miri takes minutes
        false => (&[(2, 16), (11, 48), (3, 80)][..], 1),
    };
    for &(rows, columns) in shapes {
        let axes = [2, rows, columns];
        for broadcast in (0..1 << (2 * N)).step_by(every) {
            let is_broadcast = |place: usize| broadcast >> place & 1 == 1;
            let kinds: [Layout; N] = std::array::from_fn(|operand| Layout {
                broadcast: vec![false, is_broadcast(2 * operand), is_broadcast(2 * operand + 1)],
                transposed: false,
                margin: 0,
            });
            let (found, operands) = run(&axes, &kinds, op.clone(), &[false; 3], false);
            let mut found = found.into_iter();
            for row in 0..ROWS {
                for_each(&axes, |index| {
                    let element = |i: usize| at(&operands[i].0, &operands[i].1, row, index);
                    let expected = f(std::array::from_fn(element));
                    assert_eq!(found.next(), Some(expected), "{op:?} {kinds:?} at {index:?}");
                });
            }
        }
    }
}

/// The reduction of `element` over the positions of each row that differ in `reduced` axes only.
fn reduced_in_loops(
    axes: &[usize],
    reduced: &[bool],
    element: impl Fn(usize, &[usize]) -> f64,
    (identity, join): (f64, Join),
) -> Vec<f64> {
    let kept: Vec<usize> = (0..axes.len()).filter(|&axis| !reduced[axis]).collect();
    let width: usize = kept.iter().map(|&axis| axes[axis]).product();
    let mut results = vec![identity; ROWS * width];
    for row in 0..ROWS {
        for_each(axes, |index| {
            let place = kept.iter().fold(0, |place, &axis| place * axes[axis] + index[axis]);
            let result = &mut results[row * width + place];
            *result = join(*result, element(row, index));
        });
    }
    results
}

#[test]
fn reductions_run_along_any_axes() {
    let reductions: [(Reduction, f64, Join); 4] = [
        (Reduction::Sum, 0.0, |a, b| a + b),
        (Reduction::Norm, 0.0, f64::hypot),
        (Reduction::Max, f64::NEG_INFINITY, f64::max),
        (Reduction::Min, f64::INFINITY, f64::min),
    ];
    for axes in shapes() {
        for which in 1..1 << axes.len() {
            let reduced: Vec<bool> = (0..axes.len()).map(|axis| which >> axis & 1 == 1).collect();
            for layout in layouts(axes.len()) {
                for (reduction, identity, join) in reductions {
                    let op = RowOp::Reduce(reduction, 0, 1);
                    let (found, x) = run(&axes, std::slice::from_ref(&layout), op, &reduced, false);
                    let element = |row: usize, index: &[usize]| at(&x[0].0, &x[0].1, row, index);
                    let expected = reduced_in_loops(&axes, &reduced, element, (identity, join));
                    assert_near(&[found], &[expected]);
                }
            }
        }
    }
}

#[test]
fn sums_of_products_run_along_any_axes() {
    for axes in shapes() {
        for which in 0..1 << axes.len() {
            let reduced: Vec<bool> = (0..axes.len()).map(|axis| which >> axis & 1 == 1).collect();
            for kind in [MulKind::Plain, MulKind::Chain] {
                for layout in layouts(axes.len()) {
                    let plain =
                        Layout { broadcast: vec![false; axes.len()], transposed: false, margin: 0 };
                    let kinds = [layout, plain];
                    let element = |x: &[(Array, Tensor<f64>)], row: usize, index: &[usize]| {
                        at(&x[0].0, &x[0].1, row, index) * at(&x[1].0, &x[1].1, row, index)
                    };
                    let sum: (f64, Join) = (0.0, |a, b| a + b);
                    let (found, x) =
                        run(&axes, &kinds, RowOp::Dot(kind, [0, 1], 2), &reduced, false);
                    let of_rows = reduced_in_loops(
                        &axes,
                        &reduced,
                        |row, index| element(&x, row, index),
                        sum,
                    );
                    assert_near(&[found], std::slice::from_ref(&of_rows));
                    if which == 0 {
                        let op = RowOp::AddProducts(kind, [0, 1], 2);
                        let (found, _) = run(&axes, &kinds, op, &reduced, true);
                        let width = found.len();
                        let total = |i| (0..ROWS).map(|row| of_rows[row * width + i]).sum();
                        assert_near(&[found], &[(0..width).map(total).collect()]);
                    }
                }
            }
        }
    }
}
