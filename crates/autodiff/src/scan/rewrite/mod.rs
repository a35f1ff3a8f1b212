//! Rewrites of a step into an equivalent, faster one. No rewrite is specific to a cell.

mod associate;
mod contract;
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

/// Applies all rewrites. Each prepares the step for those that follow.
pub(crate) fn rewrite<T: Scalar>(program: &Program<T>) -> Program<T> {
    let program = contract::rewrite(&softmax::rewrite(program));
    let program = sigmoid::rewrite(&program);
    let program = narrow::rewrite(&reciprocal::rewrite(&program));
    let program = associate::rewrite(&program);
    let program = dedupe::rewrite(&program);
    let program = split::rewrite(&program);
    let program = merge::rewrite(&program);
    let program = dedupe::rewrite(&program);
    flatten::rewrite(&program)
}
