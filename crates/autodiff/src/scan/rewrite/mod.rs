//! Rewrites of a step into one that computes the same, faster. No rewrite is made for a particular cell.

mod dedupe;
mod flatten;
pub(crate) mod hoist;
pub(crate) mod join_gates;
mod merge;
mod narrow;
mod reciprocal;
pub(crate) mod rematerialize;
mod sigmoid;
mod softmax;
mod split;

use bptt_tensor::Scalar;

use crate::scan::ir::program::Program;

/// All rewrites, in the order in which they prepare each other.
pub(crate) fn rewrite<T: Scalar>(program: &Program<T>) -> Program<T> {
    let program = sigmoid::rewrite(&softmax::rewrite(program));
    let program = narrow::rewrite(&reciprocal::rewrite(&program));
    let program = dedupe::rewrite(&program);
    let program = split::rewrite(&program);
    let program = merge::rewrite(&program);
    let program = dedupe::rewrite(&program);
    flatten::rewrite(&program)
}
