//! A factor of an outer product joins one of its vectors: `i (v kᵀ)`, with one number `i` for each
//! matrix, becomes `(i v) kᵀ`. So fewer elements are multiplied, here and by the gradient. An outer
//! product that is computed once for all steps stays. The values are the same up to rounding, and
//! where nothing overflows.

use bptt_tensor::{Binary, Scalar, shape};

use crate::scan::ir::binding::{Binding, bindings};
use crate::scan::ir::program::{Program, op_node};
use crate::tape::Op;

const MUL: Binary = Binary::Mul;

pub(crate) fn rewrite<T: Scalar>(program: &Program<T>) -> Program<T> {
    let (uses, bindings) = (program.uses(), bindings(program));
    program.rebuild(|new, id, inputs| {
        let node = program.node(id);
        if let (Some(Op::Binary(MUL)), &[a, b]) = (program.op(id), &inputs[..]) {
            for (factor, outer, old) in [(a, b, node.inputs[1]), (b, a, node.inputs[0])] {
                let is_free = uses[old as usize] == 1
                    && (bindings[old as usize] > Binding::Invariant
                        || bindings[id as usize] == Binding::Invariant);
                if is_free && let Some(factors) = join(new, factor, outer) {
                    return new.push(op_node(Op::Binary(MUL), factors, node.shape.clone()));
                }
            }
        }
        new.copy(program, id, inputs)
    })
}

/// Multiplies a factor and one part of an outer product, if that takes fewer products than the outer
/// product has elements. Returns the result and the other part.
fn join<T: Scalar>(new: &mut Program<T>, factor: u32, outer: u32) -> Option<[u32; 2]> {
    let (Some(Op::Binary(MUL)), &[a, b]) = (new.op(outer), &new.node(outer).inputs[..]) else {
        return None;
    };
    let elements = |id: u32| new.shape(id).elements();
    if elements(a).max(elements(b)) == elements(outer) {
        return None;
    }
    let joint = |part: u32| shape::broadcast("", new.shape(factor), new.shape(part)).ok();
    let (shape, part, rest) = [(joint(a)?, a, b), (joint(b)?, b, a)]
        .into_iter()
        .min_by_key(|(shape, ..)| shape.elements())
        .filter(|(shape, ..)| shape.elements() < elements(outer))?;
    Some([new.push(op_node(Op::Binary(MUL), [factor, part], shape)), rest])
}
