//! Rewrites of a step into an equivalent, faster one. No rewrite is specific to a cell.

mod associate;
mod blocks;
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
use crate::tape::{Class, Op};

/// Applies all rewrites. Each prepares the step for those that follow.
pub(crate) fn rewrite<T: Scalar>(program: &Program<T>) -> Program<T> {
    let mut program = blocks::rewrite(&softmax::rewrite(program));
    // a value between opaque operations is in memory, and so would be all products of elements
    if !has_opaque(&program) {
        program = contract::rewrite(&program);
    }
    let program = sigmoid::rewrite(&program);
    let program = narrow::rewrite(&reciprocal::rewrite(&program));
    let program = associate::rewrite(&program);
    let program = dedupe::rewrite(&program);
    let program = split::rewrite(&program);
    let program = merge::rewrite(&program);
    let program = dedupe::rewrite(&program);
    flatten::rewrite(&program)
}

/// Whether the compiler has no instruction for an operation that an output needs.
fn has_opaque<T: Scalar>(program: &Program<T>) -> bool {
    let needed = program.ancestors(program.outputs());
    (0..program.nodes.len() as u32).filter(|&id| needed[id as usize]).any(|id| {
        match (program.op(id), program.class(id)) {
            (None | Some(Op::Permute(_) | Op::Pad(_)), _) => false,
            (_, Class::Opaque(_) | Class::Tuple | Class::Movement | Class::Positions) => {
                program.row_function(id).is_none()
            }
            _ => false,
        }
    })
}
