//! A product of two values that differ from row to row of the batch is written out if one of them is a vector: the
//! factors are multiplied element by element, and the products are summed. The loops over the elements are then
//! fused with those of the functions around them. So a matrix state is read once for all of its
//! products with vectors.

use bptt_tensor::{Binary, Scalar};

use crate::scan::ir::program::{Node, Program, op_node};
use crate::tape::Op;
use crate::tape::primitive::{MatMul, Sum};

/// Writes out the products of a step.
pub(crate) fn rewrite<T: Scalar>(program: &Program<T>) -> Program<T> {
    program.rebuild(|new, id, inputs| match (program.op(id), &inputs[..]) {
        (Some(Op::MatMul(product)), &[a, b]) if new.shape(b).len() > 2 => {
            match written_out(new, *product, a, b) {
                Some(written_out) => new.reshape(written_out, program.shape(id)),
                None => new.copy(program, id, inputs),
            }
        }
        _ => new.copy(program, id, inputs),
    })
}

/// The product of two batches of matrices, perhaps with further axes of extent 1; `None` if neither holds vectors.
fn written_out<T: Scalar>(
    new: &mut Program<T>,
    MatMul(transpose): MatMul,
    a: u32,
    b: u32,
) -> Option<u32> {
    let last = new.shape(a).len() - 1;
    let contracted_of_a = if transpose.left { last - 1 } else { last };
    let contracted_of_b = if transpose.right { last } else { last - 1 };
    let (shape_of_a, shape_of_b) = (new.shape(a), new.shape(b));
    let other = |axis| other_of_last_two(last, axis);
    if shape_of_a[contracted_of_a] == 1 {
        Some(outer(new, a, b))
    } else if shape_of_b[other(contracted_of_b)] == 1 {
        Some(with_vector(new, a, b, contracted_of_a))
    } else if shape_of_a[other(contracted_of_a)] == 1 {
        Some(with_vector(new, b, a, contracted_of_b))
    } else {
        None
    }
}

/// The product of two batches of vectors: matrices `aₘ bₙ`.
fn outer<T: Scalar>(new: &mut Program<T>, a: u32, b: u32) -> u32 {
    let shape = new.shape(a).clone();
    let last = shape.len() - 1;
    let extent = |id: u32| new.shape(id)[last - 1] * new.shape(id)[last];
    let (rows, columns) = (extent(a), extent(b));
    let of = |rows: usize, columns: usize| shape.with(last - 1, rows).with(last, columns);
    let (a, b) = (new.reshape(a, &of(rows, 1)), new.reshape(b, &of(1, columns)));
    new.push(op_node(Op::Binary(Binary::Mul), [a, b], of(rows, columns)))
}

/// The product of a batch of matrices with a vector for each, contracted along this axis of the
/// matrices.
fn with_vector<T: Scalar>(new: &mut Program<T>, matrix: u32, vector: u32, axis: usize) -> u32 {
    let shape = new.shape(matrix).clone();
    let other = other_of_last_two(shape.len() - 1, axis);
    let vector = new.reshape(vector, &shape.with(other, 1));
    let products = op_node(Op::Binary(Binary::Mul), [matrix, vector], shape);
    push_sum_of(new, products, axis)
}

/// Of the last two axes, the one that is not `axis`.
fn other_of_last_two(last: usize, axis: usize) -> usize {
    2 * last - 1 - axis
}

/// Adds values, and their sum along an axis, which is kept.
fn push_sum_of<T: Scalar>(new: &mut Program<T>, values: Node<T>, axis: usize) -> u32 {
    let shape = values.shape.with(axis, 1);
    let values = new.push(values);
    let sum = Op::Sum(Sum { axes: [axis].into(), keep: true });
    new.push(op_node(sum, [values], shape))
}
