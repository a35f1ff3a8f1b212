//! The reverse of a step: a step of its own, which reads what the forward one saved.
//!
//! The step is recorded again on a tape of shapes, and the gradient rules run on it as on any tape.
//! What they record, cut off from the forward values, is the reverse step. Its state is the
//! cotangent of the state, and it runs from the last step to the first. A forward value that it reads is a
//! [residual](residuals): a sequence that the forward pass saves.
//!
//! It is derived once, for the gradients of all inputs, and [specialized](Reverse::specialize) to those that are asked
//! for.

mod read;
mod residuals;

use std::collections::HashSet;

use bptt_tensor::{Scalar, Shape, Tensor};
use smallvec::SmallVec;

use read::Reader;

use crate::scan::ir::indexed::Indexed;
use crate::scan::ir::program::{Input, Kind, Node, Program};
use crate::tape::{Leaf, Op, Tape, Var};

/// Which inputs a gradient is asked for. Those of the state always have one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GradientMask {
    pub(crate) sequences: Vec<bool>,
    pub(crate) invariants: Vec<bool>,
}

/// The reverse of a step, and what its inputs and outputs are to the forward one.
#[derive(Clone, Debug)]
pub(crate) struct Reverse<T> {
    pub(crate) program: Program<T>,
    /// What each sequence of the program is.
    pub(crate) sequences: Indexed<SequenceSource>,
    /// What each invariant of the program is.
    pub(crate) invariants: Indexed<InvariantSource>,
    /// The sequences that the stacked outputs are the cotangents of.
    pub(crate) stacked: Vec<usize>,
    /// The invariants that the sums are the cotangents of.
    pub(crate) sums: Vec<usize>,
    /// Tensors that gradient rules brought.
    pub(crate) constants: Vec<Tensor<T>>,
}

/// A sequence that a reverse step reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SequenceSource {
    /// The cotangent of a stacked output.
    Cotangent(usize),
    /// A sequence of the forward step.
    Sequence(usize),
    /// What the forward step saved of a value.
    Residual(u32),
}

/// An invariant that a reverse step reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum InvariantSource {
    /// The cotangent of a sum.
    Cotangent(usize),
    /// An invariant of the forward step.
    Invariant(usize),
    /// The state that the forward pass started from.
    Initial(usize),
    /// A tensor that a gradient rule brought.
    Constant(usize),
}

/// How the reverse step reads the state that a forward step started from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum StateBefore {
    /// From the states *after* steps, one step earlier: nothing is saved twice.
    Shifted,
    /// From a sequence of its own, so that the reverse can be differentiated.
    Saved,
}

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

/// Whether the gradients read each forward value. Where they read one that stops a gradient, they read what it stops,
/// and stop it again.
fn read_values<'t, T: Scalar>(
    forward: &Program<T>,
    values: &[Var<'t, T>],
    gradients: impl Iterator<Item = Var<'t, T>>,
    tape: &Tape<T>,
) -> Vec<bool> {
    let value_of = read::values_on_tape(values);
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

impl<T: Scalar> Reverse<T> {
    fn new() -> Self {
        Self {
            program: Program { nodes: vec![], stacked: vec![], next: vec![], sums: vec![] },
            sequences: Indexed::default(),
            invariants: Indexed::default(),
            stacked: vec![],
            sums: vec![],
            constants: vec![],
        }
    }

    /// Adds the cotangent of a sequence.
    fn add_stacked(&mut self, sequence: usize, id: u32) {
        self.program.stacked.push(id);
        self.stacked.push(sequence);
    }

    /// Adds the cotangent of an invariant.
    fn add_sum(&mut self, invariant: usize, id: u32) {
        self.program.sums.push(id);
        self.sums.push(invariant);
    }

    fn sequence(&mut self, source: SequenceSource) -> Input {
        Input::Sequence(self.sequences.place(source))
    }

    fn invariant(&mut self, source: InvariantSource) -> Input {
        Input::Invariant(self.invariants.place(source))
    }

    /// The reverse for the gradients of a mask, which reads the state before a step in this way.
    pub(crate) fn specialize(
        &self,
        forward: &Program<T>,
        mask: &GradientMask,
        state_before: StateBefore,
    ) -> Self {
        let mut masked = Program { stacked: vec![], sums: vec![], ..self.program.clone() };
        let mut special = Self { constants: self.constants.clone(), ..Self::new() };
        for (&i, &id) in self.stacked.iter().zip(&self.program.stacked) {
            if mask.sequences[i] {
                masked.stacked.push(id);
                special.stacked.push(i);
            }
        }
        for (&i, &id) in self.sums.iter().zip(&self.program.sums) {
            if mask.invariants[i] {
                masked.sums.push(id);
                special.sums.push(i);
            }
        }
        special.program = masked.rebuild(|new, id, inputs| {
            let node = masked.node(id);
            let kind = match node.kind {
                Kind::Input(Input::Sequence(i)) => {
                    Kind::Input(special.sequence_input(forward, self.sequences[i], state_before))
                }
                Kind::Input(Input::Invariant(i)) => {
                    Kind::Input(special.invariant(self.invariants[i]))
                }
                ref kind => kind.clone(),
            };
            new.push(Node { kind, inputs, shape: node.shape.clone() })
        });
        special
    }

    /// An input that gives a sequence.
    fn sequence_input(
        &mut self,
        forward: &Program<T>,
        source: SequenceSource,
        state_before: StateBefore,
    ) -> Input {
        match source {
            SequenceSource::Residual(value) if state_before == StateBefore::Shifted => {
                let Kind::Input(Input::Carry(j)) = forward.node(value).kind else {
                    return self.sequence(source);
                };
                let sequence = self.sequences.place(SequenceSource::Residual(forward.next[j]));
                let edge = self.invariants.place(InvariantSource::Initial(j));
                Input::Ahead { sequence, edge }
            }
            _ => self.sequence(source),
        }
    }

    /// The forward values that it reads from sequences.
    pub(crate) fn residuals(&self) -> Indexed<u32> {
        let residual = |source: &SequenceSource| match source {
            SequenceSource::Residual(id) => Some(*id),
            SequenceSource::Cotangent(_) | SequenceSource::Sequence(_) => None,
        };
        self.sequences.iter().filter_map(residual).collect()
    }
}
