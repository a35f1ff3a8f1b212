//! Derivation of the reverse of a step, by the gradient rules of its operations.

use std::collections::{HashMap, HashSet};

use bptt_tensor::{Scalar, Shape, Tensor};
use smallvec::SmallVec;

use super::origin::origin;
use super::program::Reverse;
use super::read::{Reader, values_on_tape};
use super::residuals;
use crate::scan::ir::program::{Input, Kind, Program};
use crate::tape::{Class, Leaf, Op, Tape, Var, ViewOf};

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

    let aliases = aliases(forward);
    let read = gradients.iter().flatten().copied();
    let is_read = read_values(forward, &values, &aliases, read, &tape);
    let is_saved = residuals::choose(forward, &is_read, &aliases);
    let mut reader = Reader::new(forward, &tape, &values, &cotangents, is_saved, aliases);
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
        let value = || match &node.kind {
            Kind::Input(_) => tape.leaf(Leaf::Constant, Tensor::unknown(node.shape.clone())),
            Kind::Literal(value) => tape.scalar(*value),
            Kind::Op(op) => tape.record(op.clone(), &inputs),
        };
        values.push(tape.attributing(origin(node.line), value));
    }
    values
}

/// For each forward value, whether the gradients read it. In place of a `stop_gradient` node, they
/// read its input and stop the gradient again. In place of a value in another shape or order, or of
/// a part of the state, they read the whole value or state.
fn read_values<'t, T: Scalar>(
    forward: &Program<T>,
    values: &[Var<'t, T>],
    aliases: &HashMap<u32, u32>,
    gradients: impl Iterator<Item = Var<'t, T>>,
    tape: &Tape<T>,
) -> Vec<bool> {
    let (value_of, states) = (values_on_tape(values), forward.states());
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
        while passes_on(forward, &states, value) {
            value = forward.node(value).inputs[0];
        }
        is_read[aliases.get(&value).copied().unwrap_or(value) as usize] = true;
    }
    is_read
}

/// The next states that are other values in another shape, by these values. The state is saved in
/// any case if the gradients read it, so they read it in place of the value.
fn aliases<T: Scalar>(forward: &Program<T>) -> HashMap<u32, u32> {
    let mut aliases = HashMap::new();
    for &next in &forward.next {
        let mut source = next;
        while matches!(forward.class(source), Class::View(ViewOf::Whole)) {
            source = forward.node(source).inputs[0];
        }
        if source != next && forward.op(source).is_some() {
            aliases.insert(source, next);
        }
    }
    aliases
}

/// Whether a value has the elements of its input, and the gradients should read the input.
fn passes_on<T: Scalar>(forward: &Program<T>, states: &[bool], id: u32) -> bool {
    match forward.op(id) {
        Some(Op::StopGradient(_) | Op::Permute(_)) => true,
        Some(op) => match op.class() {
            Class::View(ViewOf::Whole) => true,
            Class::View(ViewOf::Part { .. }) => states[id as usize],
            _ => false,
        },
        None => false,
    }
}
