//! A division of many elements by one number, as in norms, becomes a multiplication by its
//! reciprocal, which is computed once. A division takes as long as a dozen products.

use bptt_tensor::{Binary, Scalar, Unary};

use crate::scan::ir::program::{Kind, Program, leaf_node, op_node};
use crate::tape::Op;

pub(crate) fn rewrite<T: Scalar>(program: &Program<T>) -> Program<T> {
    program.rebuild(|new, id, inputs| {
        let shape = program.shape(id);
        match (program.op(id), &inputs[..]) {
            (Some(Op::Binary(quotient @ (Binary::Div | Binary::ChainDiv))), &[x, divisor])
                if new.shape(divisor).elements() < shape.elements() =>
            {
                let divisor_shape = new.shape(divisor).clone();
                let reciprocal = new.push(match new.node(divisor).kind {
                    Kind::Literal(number) => {
                        leaf_node(Kind::Literal(number.recip()), divisor_shape)
                    }
                    _ => op_node(Op::Unary(Unary::Recip), [divisor], divisor_shape),
                });
                let product = if *quotient == Binary::Div { Binary::Mul } else { Binary::ChainMul };
                new.push(op_node(Op::Binary(product), [x, reciprocal], shape.clone()))
            }
            _ => new.copy(program, id, inputs),
        }
    })
}
