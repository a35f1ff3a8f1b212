//! Derivation of the reverse of a step, by the gradient rules of its operations.

use std::collections::HashSet;

use bptt_tensor::{Scalar, Shape, Tensor};
use smallvec::SmallVec;

use super::program::Reverse;
use super::read::{Reader, values_on_tape};
use super::residuals;
use crate::scan::ir::program::{Input, Kind, Program};
use crate::tape::{Leaf, Op, Tape, Var};

/// Derives the reverse of a step, for the gradients of all inputs. It reads the state before a step from a sequence of
/// its own.
pub(crate) fn reverse<T: Scalar>(forward: &Program<T>) -> Reverse<T> {
    let tape = Tape::of_shapes();
    let values = record(forward, &tape);
    let unknown = |shape: &Shape| tape.leaf(Leaf::Constant, Tensor::unknown(shape.clone()));
    let cotangents: Vec<(Var<'_, T>, Var<'_, T>)> =
        forward.outputs().map(|id| (values[id as usize], unknown(forward.shape(id)))).collect();
    let sources: Vec<(Input, Var<'_, T>)> = forward
        .nodes
        .iter()
        .zip(&values)
        .filter_map(|(node, &value)| match node.kind {
            Kind::Input(Input::Ahead { .. }) | Kind::Literal(_) | Kind::Op(_) => None,
            Kind::Input(input) => Some((input, value)),
        })
        .collect();
    let source_vars: Vec<Var<'_, T>> = sources.iter().map(|&(_, value)| value).collect();
    let gradients = tape.pull(&cotangents, &source_vars);

    let is_read = read_values(forward, &values, gradients.iter().flatten().copied(), &tape);
    let is_saved = residuals::choose(forward, &is_read);
    let mut reader = Reader::new(forward, &tape, &values, &cotangents, is_saved);
    let mut next = vec![None; forward.next.len()];
    for (&(input, _), gradient) in sources.iter().zip(gradients) {
        let Some(gradient) = gradient else { continue };
        let place = reader.place(gradient.id);
        match input {
            Input::Sequence(i) => reader.reverse.add_stacked(i, place),
            Input::Invariant(i) => reader.reverse.add_sum(i, place),
            Input::Carry(j) => next[j] = Some(place),
            Input::Ahead { .. } => unreachable!("it is no source"),
        }
    }
    let mut reverse = reader.reverse;
    for (&id, place) in forward.next.iter().zip(next) {
        let place = place.unwrap_or_else(|| reverse.program.zeros(forward.shape(id)));
        reverse.program.next.push(place);
    }
    reverse
}

/// Records a step on a tape of shapes.
fn record<'t, T: Scalar>(program: &Program<T>, tape: &'t Tape<T>) -> Vec<Var<'t, T>> {
    let mut values: Vec<Var<'t, T>> = Vec::with_capacity(program.nodes.len());
    for node in &program.nodes {
        let inputs: SmallVec<[Var<'t, T>; 3]> =
            node.inputs.iter().map(|&input| values[input as usize]).collect();
        values.push(match &node.kind {
            Kind::Input(_) => tape.leaf(Leaf::Constant, Tensor::unknown(node.shape.clone())),
            Kind::Literal(value) => tape.scalar(*value),
            Kind::Op(op) => tape.record(op.clone(), &inputs),
        });
    }
    values
}

/// For each forward value, whether the gradients read it. In place of a `stop_gradient` node, they
/// read its input and stop the gradient again.
fn read_values<'t, T: Scalar>(
    forward: &Program<T>,
    values: &[Var<'t, T>],
    gradients: impl Iterator<Item = Var<'t, T>>,
    tape: &Tape<T>,
) -> Vec<bool> {
    let value_of = values_on_tape(values);
    let mut is_read = vec![false; forward.nodes.len()];
    let mut seen = HashSet::new();
    let mut pending: Vec<u32> = gradients.map(|gradient| gradient.id).collect();
    while let Some(id) = pending.pop() {
        if !seen.insert(id) {
            continue;
        }
        let Some(&value) = value_of.get(&id) else {
            pending.extend(tape.nodes()[id as usize].inputs.iter().copied());
            continue;
        };
        let mut value = value;
        while let Some(Op::StopGradient(_)) = forward.op(value) {
            value = forward.node(value).inputs[0];
        }
        is_read[value as usize] = true;
    }
    is_read
}
