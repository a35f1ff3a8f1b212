//! The product of a concatenation becomes a sum of products: `[x, h] · W = x · W₁ + h · W₂`, where
//! `W₁` and `W₂` are rows of `W`. The product that does not depend on the state can then leave the
//! loop.

use bptt_tensor::{Binary, Scalar, Transpose};

use crate::scan::ir::binding::{Binding, bindings};
use crate::scan::ir::program::Program;
use crate::scan::ir::program::op_node;
use crate::tape::Op;
use crate::tape::primitive::{MatMul, Slice};

pub(crate) fn rewrite<T: Scalar>(program: &Program<T>) -> Program<T> {
    let bindings = bindings(program);
    program.rebuild(|new, id, inputs| {
        let [left, right] = inputs[..] else { return new.copy(program, id, inputs) };
        let weight = program.node(id).inputs[1];
        let joined = match (program.op(id), new.op(left)) {
            (Some(Op::MatMul(MatMul(Transpose::NONE))), Some(Op::Concat(concat)))
                if bindings[weight as usize] == Binding::Invariant
                    && program.shape(weight).len() == 2
                    && concat.axis + 1 == new.shape(left).len() =>
            {
                new.node(left).inputs.clone()
            }
            _ => return new.copy(program, id, inputs),
        };
        let shape = program.shape(id).clone();
        let columns = program.shape(weight)[1];
        let mut start = 0;
        let mut sum = None;
        for part in joined {
            let part_shape = new.shape(part);
            let width = part_shape[part_shape.len() - 1];
            let range = start..start + width;
            start += width;
            let rows = Op::Slice(Slice { axis: 0, range });
            let rows = new.push(op_node(rows, [right], [width, columns]));
            let product = Op::MatMul(MatMul(Transpose::NONE));
            let product = new.push(op_node(product, [part, rows], shape.clone()));
            sum = Some(match sum {
                None => product,
                Some(sum) => {
                    new.push(op_node(Op::Binary(Binary::Add), [sum, product], shape.clone()))
                }
            });
        }
        sum.expect("a concatenation has parts")
    })
}
