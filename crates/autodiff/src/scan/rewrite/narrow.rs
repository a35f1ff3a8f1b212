//! Broadcasts are delayed. A function of operands that are the same along an axis is computed once
//! along it. A function of several operands reads such an operand without broadcasting it. The sum of a negated row becomes the negated sum of the row.

use bptt_tensor::rows::Reduction;
use bptt_tensor::{Scalar, Shape, Unary, shape};
use smallvec::SmallVec;

use crate::scan::ir::program::Program;
use crate::scan::ir::program::op_node;
use crate::tape::primitive::BroadcastTo;
use crate::tape::{Class, Op};

pub(crate) fn rewrite<T: Scalar>(program: &Program<T>) -> Program<T> {
    program.rebuild(|new, id, inputs| {
        let shape = program.shape(id);
        if let Some(x) = negated_row(new, program.op(id), &inputs, shape) {
            let op = program.op(id).expect("a sum").clone();
            let sum = new.push(op_node(op, [x], shape.clone()));
            return new.push(op_node(Op::Unary(Unary::Neg), [sum], shape.clone()));
        }
        let op = match (program.op(id), program.class(id)) {
            (Some(op), Class::Elementwise(function)) if function.broadcasts() => op,
            _ => return new.copy(program, id, inputs),
        };
        // the operands before they were broadcast
        let narrow: SmallVec<[u32; 3]> =
            inputs.iter().map(|&input| before_broadcast(new, input)).collect();
        let joint = narrow.iter().try_fold(Shape::from([]), |joint, &input| {
            shape::broadcast("", &joint, new.shape(input)).ok()
        });
        match joint {
            Some(joint) if joint == *shape => new.copy(program, id, narrow),
            Some(joint) if joint.len() == shape.len() => {
                let value = new.push(op_node(op.clone(), narrow, joint));
                let broadcast = Op::BroadcastTo(BroadcastTo(shape[..].into()));
                new.push(op_node(broadcast, [value], shape.clone()))
            }
            _ => new.copy(program, id, inputs),
        }
    })
}

/// The `x` of a sum over each row of `−x`. Not for a single row, where the sum may be one over
/// steps and must stay one.
fn negated_row<T: Scalar>(
    program: &Program<T>,
    op: Option<&Op<T>>,
    inputs: &[u32],
    shape: &[usize],
) -> Option<u32> {
    let &[summed] = inputs else { return None };
    let by_rows =
        matches!(*shape, [rows, 1] if rows > 1 && program.shape(summed).first() == Some(&rows));
    let is_sum =
        matches!(op?.class(), Class::SumTo | Class::Reduction(Reduction::Sum, _)) && by_rows;
    let is_negated = matches!(program.op(summed), Some(Op::Unary(Unary::Neg)));
    (is_sum && is_negated).then(|| program.node(summed).inputs[0])
}

/// The value that was broadcast over columns, or the value itself.
fn before_broadcast<T: Scalar>(program: &Program<T>, id: u32) -> u32 {
    let node = program.node(id);
    let is_broadcast = matches!(program.class(id), Class::Broadcast)
        && program.shape(node.inputs[0]).len() == node.shape.len();
    if is_broadcast { node.inputs[0] } else { id }
}
