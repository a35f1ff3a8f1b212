//! A logistic function is computed in two steps: first its tail, then the value from the tail. The slope follows from
//! the tail without loss of digits, even where the value rounds to 1. The reverse pass saves the tail and recomputes
//! the value.

use bptt_tensor::{Scalar, Unary};

use crate::scan::ir::program::Program;
use crate::scan::ir::program::op_node;
use crate::tape::Op;

pub(crate) fn rewrite<T: Scalar>(program: &Program<T>) -> Program<T> {
    program.rebuild(|new, id, inputs| match program.op(id) {
        Some(Op::Unary(Unary::Sigmoid)) => {
            let shape = program.shape(id);
            let tail = new.push(op_node(Op::Unary(Unary::SigmoidTail), inputs, shape.clone()));
            new.push(op_node(Op::Unary(Unary::SigmoidOfTail), [tail], shape.clone()))
        }
        _ => new.copy(program, id, inputs),
    })
}
