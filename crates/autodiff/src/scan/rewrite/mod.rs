//! Rewrites of a step into one that computes the same, faster. None knows of any cell.

mod dedupe;
mod flatten;
mod merge;
mod narrow;
mod reciprocal;
mod sigmoid;
mod softmax;
mod split;

use bptt_tensor::Scalar;

use super::program::{Kind, Node, Program};

/// All rewrites, in the order in which they prepare each other.
pub(super) fn rewrite<T: Scalar>(program: &Program<T>) -> Program<T> {
    let program = sigmoid::rewrite(&softmax::rewrite(program));
    let program = narrow::rewrite(&reciprocal::rewrite(&program));
    let program = dedupe::rewrite(&program);
    let program = split::rewrite(&program);
    let program = merge::rewrite(&program);
    let program = dedupe::rewrite(&program);
    flatten::rewrite(&program)
}

/// A node that computes `op`, whose shape is known.
pub(super) fn op_node<T>(
    op: crate::operation::Op<T>,
    inputs: impl IntoIterator<Item = u32>,
    shape: impl Into<bptt_tensor::Shape>,
) -> Node<T> {
    Node { kind: Kind::Op(op), inputs: inputs.into_iter().collect(), shape: shape.into() }
}
