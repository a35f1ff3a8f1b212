//! A product of two values that differ from row to row of the batch is written out: its factors are
//! multiplied element by element, and the products are summed. The loops over the elements are then
//! fused with those of the functions around them. So a matrix state is read once for all of its
//! products with vectors.

use bptt_tensor::{Binary, Scalar, Shape};

use crate::scan::ir::program::{Program, op_node};
use crate::tape::Op;
use crate::tape::primitive::{MatMul, Permute, Reshape, Sum};

pub(crate) fn rewrite<T: Scalar>(program: &Program<T>) -> Program<T> {
    program.rebuild(|new, id, inputs| match (program.op(id), &inputs[..]) {
        (Some(Op::MatMul(product)), &[a, b]) if new.shape(b).len() > 2 => {
            let written_out = written_out(new, *product, a, b);
            reshape(new, written_out, program.shape(id))
        }
        _ => new.copy(program, id, inputs),
    })
}

/// The product of two batches of matrices, with further axes of extent 1.
fn written_out<T: Scalar>(new: &mut Program<T>, MatMul(transpose): MatMul, a: u32, b: u32) -> u32 {
    let axes = new.shape(a).len();
    // the order of the loops is that in which the matrices lie in memory
    let (a, b, summed) = if transpose.left {
        // of `aᵀ`, the contracted axis is the first: Σₖ aₖₘ bₖₙ
        let b = if transpose.right { transposed(new, b) } else { b };
        (with_axis(new, a, axes), with_axis(new, b, axes - 1), axes - 2)
    } else if transpose.right {
        (with_axis(new, a, axes - 1), with_axis(new, b, axes - 2), axes) // Σₖ aₘₖ bₙₖ
    } else {
        (with_axis(new, a, axes), with_axis(new, b, axes - 2), axes - 1) // Σₖ aₘₖ bₖₙ
    };
    let extents = new.shape(a).iter().zip(new.shape(b).iter()).map(|(&a, &b)| a.max(b));
    let shape: Shape = extents.collect();
    let products = new.push(op_node(Op::Binary(Binary::Mul), [a, b], shape.clone()));
    if shape[summed] == 1 {
        return products;
    }
    let sum = Op::Sum(Sum { axes: [summed].into(), keep: true });
    new.push(op_node(sum, [products], shape.with(summed, 1)))
}

/// The value with a new axis of extent 1.
fn with_axis<T>(new: &mut Program<T>, id: u32, axis: usize) -> u32 {
    let shape = new.shape(id);
    let shape =
        shape[..axis].iter().copied().chain([1]).chain(shape[axis..].iter().copied()).collect();
    reshape(new, id, &shape)
}

fn reshape<T>(new: &mut Program<T>, id: u32, shape: &Shape) -> u32 {
    if new.shape(id) == shape {
        return id;
    }
    new.push(op_node(Op::Reshape(Reshape(shape[..].into())), [id], shape.clone()))
}

/// The value with its last two axes swapped.
fn transposed<T>(new: &mut Program<T>, id: u32) -> u32 {
    let shape = new.shape(id);
    let mut order: Vec<usize> = (0..shape.len()).collect();
    let last = order.len() - 1;
    order.swap(last - 1, last);
    let shape: Shape = order.iter().map(|&axis| shape[axis]).collect();
    new.push(op_node(Op::Permute(Permute(order.into())), [id], shape))
}
