//! Products that share their left operand become one wide product with the weights side by side:
//! `h · U_i` and `h · U_f` are columns of `h · [U_i, U_f]`.

use bptt_tensor::{Scalar, Transpose};

use super::op_node;
use crate::operation::Op;
use crate::ops::layout::{Concat, Slice};
use crate::ops::matmul::MatMul;
use crate::scan::binding::{Binding, bindings};
use crate::scan::program::Program;

pub(super) fn rewrite<T: Scalar>(program: &Program<T>) -> Program<T> {
    let groups = groups(program);
    let mut merged: Vec<Option<u32>> = vec![None; groups.len()];
    let mut places = vec![u32::MAX; program.nodes.len()];
    program.rebuild(|new, id, inputs| {
        let place = match groups.iter().position(|group| group.contains(&id)) {
            None => new.copy(program, id, inputs),
            Some(index) => {
                let group = &groups[index];
                let shape = program.shape(id);
                let axis = shape.len() - 1;
                let width = |&member: &u32| program.shape(member)[axis];
                let wide = *merged[index].get_or_insert_with(|| {
                    let weights = group.iter().map(|&member| program.node(member).inputs[1]);
                    let weights: Vec<u32> =
                        weights.map(|w| weight_place(program, new, w, &places)).collect();
                    let total = group.iter().map(width).sum();
                    let rows = new.shape(weights[0])[0];
                    let weights =
                        new.push(op_node(Op::Concat(Concat { axis: 1 }), weights, [rows, total]));
                    let product = Op::MatMul(MatMul(Transpose::NONE));
                    new.push(op_node(product, [inputs[0], weights], shape.with(axis, total)))
                });
                let before = group.iter().take_while(|&&member| member != id);
                let start: usize = before.map(width).sum();
                let range = start..start + width(&id);
                let slice = Op::Slice(Slice { axis, range });
                new.push(op_node(slice, [wide], shape.clone()))
            }
        };
        places[id as usize] = place;
        place
    })
}

/// The place of a weight in the new program, where it is copied to if it does not stand there yet.
fn weight_place<T: Scalar>(
    program: &Program<T>,
    new: &mut Program<T>,
    weight: u32,
    places: &[u32],
) -> u32 {
    if places[weight as usize] != u32::MAX {
        return places[weight as usize];
    }
    let inputs = &program.node(weight).inputs;
    let inputs = inputs.iter().map(|&input| weight_place(program, new, input, places)).collect();
    new.copy(program, weight, inputs)
}

/// Products with the same left operand and weights that are the same at every step.
fn groups<T: Scalar>(program: &Program<T>) -> Vec<Vec<u32>> {
    let bindings = bindings(program);
    let needed = program.ancestors(program.outputs());
    let mut groups: Vec<Vec<u32>> = Vec::new();
    for (id, node) in (0..).zip(&program.nodes) {
        let [left, right] = node.inputs[..] else { continue };
        let mergeable = program.op(id) == Some(&Op::MatMul(MatMul(Transpose::NONE)))
            && needed[id as usize]
            && bindings[left as usize] > Binding::Once
            && bindings[right as usize] == Binding::Once
            && program.shape(right).len() == 2;
        if !mergeable {
            continue;
        }
        let same = |group: &&mut Vec<u32>| program.node(group[0]).inputs[0] == left;
        match groups.iter_mut().find(same) {
            Some(group) => group.push(id),
            None => groups.push(vec![id]),
        }
    }
    groups.retain(|group| group.len() > 1);
    groups
}
