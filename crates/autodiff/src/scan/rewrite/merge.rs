//! Products that share their left operand become one wide product with concatenated weights: `h
//! W_hh_i` and `h W_hh_f` are columns of `h [W_hh_i, W_hh_f]`.

use std::collections::HashMap;
use std::ops::Range;

use bptt_tensor::{Scalar, Transpose};

use crate::scan::ir::binding::{Binding, bindings};
use crate::scan::ir::program::Program;
use crate::scan::ir::program::op_node;
use crate::tape::Op;
use crate::tape::primitive::{Concat, MatMul, Slice};

/// Stands for the id of a value that is not in the new program yet.
const NOWHERE: u32 = u32::MAX;

pub(crate) fn rewrite<T: Scalar>(program: &Program<T>) -> Program<T> {
    let groups = groups(program);
    let columns = columns(program, &groups);
    let mut merged: Vec<Option<u32>> = vec![None; groups.len()];
    let mut places = vec![NOWHERE; program.nodes.len()];
    program.rebuild(|new, id, inputs| {
        if places[id as usize] != NOWHERE {
            return places[id as usize]; // a weight that was emitted early, for a wide product
        }
        let place = match columns.get(&id) {
            None => new.copy(program, id, inputs),
            Some((index, range)) => {
                let shape = program.shape(id);
                let axis = shape.len() - 1;
                let wide = *merged[*index].get_or_insert_with(|| {
                    let group = &groups[*index];
                    let weights = group.iter().map(|&member| program.node(member).inputs[1]);
                    let weights: Vec<u32> =
                        weights.map(|w| place_weight(program, new, w, &mut places)).collect();
                    let total = columns[group.last().expect("a group has members")].1.end;
                    let rows = new.shape(weights[0])[0];
                    let weights =
                        new.push(op_node(Op::Concat(Concat { axis: 1 }), weights, [rows, total]));
                    let product = Op::MatMul(MatMul(Transpose::NONE));
                    new.push(op_node(product, [inputs[0], weights], shape.with(axis, total)))
                });
                let slice = Op::Slice(Slice { axis, range: range.clone() });
                new.push(op_node(slice, [wide], shape.clone()))
            }
        };
        places[id as usize] = place;
        place
    })
}

/// For each product of a group, the group and its columns in the wide product.
fn columns<T: Scalar>(
    program: &Program<T>,
    groups: &[Vec<u32>],
) -> HashMap<u32, (usize, Range<usize>)> {
    let mut columns = HashMap::new();
    for (index, group) in groups.iter().enumerate() {
        let mut start = 0;
        for &member in group {
            let shape = program.shape(member);
            let end = start + shape[shape.len() - 1];
            columns.insert(member, (index, start..end));
            start = end;
        }
    }
    columns
}

/// The id of a weight in the new program. Copies the weight there if it is missing.
fn place_weight<T: Scalar>(
    program: &Program<T>,
    new: &mut Program<T>,
    weight: u32,
    places: &mut [u32],
) -> u32 {
    // an explicit stack in place of recursion, since a weight may be the result of many operations
    let mut pending = vec![weight];
    while let Some(&id) = pending.last() {
        if places[id as usize] == NOWHERE {
            let inputs = &program.node(id).inputs;
            let before = pending.len();
            pending.extend(inputs.iter().rev().filter(|&&i| places[i as usize] == NOWHERE));
            if pending.len() > before {
                continue;
            }
            let inputs = inputs.iter().map(|&input| places[input as usize]).collect();
            places[id as usize] = new.copy(program, id, inputs);
        }
        pending.pop();
    }
    places[weight as usize]
}

/// Groups of products with the same left operand and invariant weights.
fn groups<T: Scalar>(program: &Program<T>) -> Vec<Vec<u32>> {
    let bindings = bindings(program);
    let needed = program.ancestors(program.outputs());
    let mut groups: Vec<Vec<u32>> = Vec::new();
    let mut of_left: HashMap<u32, usize> = HashMap::new();
    for (id, node) in (0..).zip(&program.nodes) {
        let [left, right] = node.inputs[..] else { continue };
        let mergeable = program.op(id) == Some(&Op::MatMul(MatMul(Transpose::NONE)))
            && needed[id as usize]
            && bindings[left as usize] > Binding::Invariant
            && bindings[right as usize] == Binding::Invariant
            && program.shape(right).len() == 2;
        if !mergeable {
            continue;
        }
        let group = *of_left.entry(left).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[group].push(id);
    }
    groups.retain(|group| group.len() > 1);
    groups
}
