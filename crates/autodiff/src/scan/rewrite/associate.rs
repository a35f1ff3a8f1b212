//! A factor of an outer product joins its narrower part: `i (v kᵀ)`, with one number `i` for each
//! matrix, becomes `(i v) kᵀ`. So fewer elements are multiplied, here and by the gradient.

use bptt_tensor::{Binary, Scalar, shape};

use crate::scan::ir::program::{Program, op_node};
use crate::tape::Op;

const MUL: Binary = Binary::Mul;

pub(crate) fn rewrite<T: Scalar>(program: &Program<T>) -> Program<T> {
    let uses = program.uses();
    program.rebuild(|new, id, inputs| {
        let node = program.node(id);
        if let (Some(Op::Binary(MUL)), &[a, b]) = (program.op(id), &inputs[..]) {
            for (factor, outer, old) in [(a, b, node.inputs[1]), (b, a, node.inputs[0])] {
                let joined = if uses[old as usize] == 1 { join(new, factor, outer) } else { None };
                if let Some(factors) = joined {
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
