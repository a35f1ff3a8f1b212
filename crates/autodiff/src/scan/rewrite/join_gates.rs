//! The product with a gate is computed from the tail of the gate's logistic function, in one sweep
//! over memory. A logistic function whose tail has no other reader is computed directly.

use bptt_tensor::{Binary, Scalar, Unary};

use crate::scan::ir::program::Program;
use crate::scan::ir::program::op_node;
use crate::tape::Op;

/// Joins logistic functions that were [decomposed](crate::scan::rewrite) with the readers or the sources of their tails.
/// The program is not differentiated after this.
pub(crate) fn join_gates<T: Scalar>(program: &Program<T>) -> Program<T> {
    let uses = program.uses();
    let tail_of = |id: u32| match program.op(id) {
        Some(Op::Unary(Unary::SigmoidOfTail)) => Some(program.node(id).inputs[0]),
        _ => None,
    };
    // a gate that has no other reader
    let gate = |id: u32| tail_of(id).filter(|_| uses[id as usize] == 1);
    let is_own_tail = |tail: u32| {
        uses[tail as usize] == 1 && program.op(tail) == Some(&Op::Unary(Unary::SigmoidTail))
    };
    let mut places = vec![u32::MAX; program.nodes.len()];
    program.rebuild(|new, id, inputs| {
        let shape = program.shape(id);
        let node = program.node(id);
        let joined = match (program.op(id), &node.inputs[..]) {
            (Some(Op::Unary(Unary::SigmoidOfTail)), &[tail]) if is_own_tail(tail) => {
                let x = places[program.node(tail).inputs[0] as usize];
                Some(op_node(Op::Unary(Unary::Sigmoid), [x], shape.clone()))
            }
            (Some(Op::Binary(product @ (Binary::Mul | Binary::ChainMul))), &[a, b]) => {
                let function =
                    if *product == Binary::Mul { Binary::Gate } else { Binary::ChainGate };
                let own = |&(other, gated): &(u32, u32)| {
                    let fits = |tail| !is_own_tail(tail) && program.shape(gated) == shape;
                    other != gated && gate(gated).is_some_and(fits)
                };
                [(a, b), (b, a)].into_iter().find(own).map(|(other, gated)| {
                    let tail = gate(gated).expect("a gate");
                    let operands = [other, tail].map(|input| places[input as usize]);
                    op_node(Op::Binary(function), operands, shape.clone())
                })
            }
            _ => None,
        };
        let place = match joined {
            Some(node) => new.push(node),
            None => new.copy(program, id, inputs),
        };
        places[id as usize] = place;
        place
    })
}
