//! Runs of the reverse of a scan on tensors.

use bptt_tensor::{Scalar, Tensor};

use crate::scan::compiled::{Compiled, CompiledReverse};
use crate::scan::plan::Ready;
use crate::scan::reverse::{InvariantSource, SequenceSource};
use crate::scan::run::execute::{Arguments, Outputs};

/// The cotangents of all outputs of the forward pass.
#[derive(Debug)]
pub(crate) struct Cotangents<V> {
    /// `None` for an output on which nothing depends. The reverse does not read it.
    pub(crate) stacked: Vec<Option<V>>,
    pub(crate) state: Vec<V>,
    pub(crate) sums: Vec<V>,
}

impl<V> Cotangents<V> {
    pub(crate) fn map<W>(self, map: impl Fn(V) -> W) -> Cotangents<W> {
        Cotangents {
            stacked: self.stacked.into_iter().map(|cotangent| cotangent.map(&map)).collect(),
            state: self.state.into_iter().map(&map).collect(),
            sums: self.sums.into_iter().map(&map).collect(),
        }
    }
}

/// The values of the forward pass that the reverse of a scan reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a, T> {
    /// The inputs of the forward pass.
    pub(crate) arguments: Arguments<'a, T>,
    /// The stacked outputs of the forward pass.
    pub(crate) stacked: &'a [Tensor<T>],
    /// The extra residuals that the forward pass saved.
    pub(crate) residuals: &'a [Tensor<T>],
    pub(crate) cotangents: &'a Cotangents<Tensor<T>>,
}

/// A reverse with its invariants and packed weights, for a sequence or for all windows of it.
#[derive(Debug)]
pub(crate) struct ReadyReverse<'a, T> {
    reverse: &'a CompiledReverse<T>,
    forward: &'a Compiled<T>,
    invariants: Vec<Tensor<T>>,
    plan: Ready<'a, T>,
}

impl<T: Scalar> CompiledReverse<T> {
    /// The reverse of `forward` with packed weights. `seen` may be any window of the sequence.
    pub(crate) fn ready<'a>(
        &'a self,
        forward: &'a Compiled<T>,
        seen: Seen<'_, T>,
    ) -> ReadyReverse<'a, T> {
        let Seen { arguments, cotangents, .. } = seen;
        let invariant = |source: &InvariantSource| match *source {
            InvariantSource::Cotangent(k) => cotangents.sums[k].clone(),
            InvariantSource::Invariant(i) => arguments.invariants[i].clone(),
            InvariantSource::Initial(j) => arguments.state[j].clone(),
            InvariantSource::Constant(k) => self.reverse.constants[k].clone(),
        };
        let invariants: Vec<Tensor<T>> = self.reverse.invariants.iter().map(invariant).collect();
        let invariants = self.step.invariant_values(&invariants);
        let plan = self.step.plain().ready(arguments.steps, &invariants);
        ReadyReverse { reverse: self, forward, invariants, plan }
    }
}

impl<T: Scalar> ReadyReverse<'_, T> {
    /// Runs the reverse, from the cotangents of the outputs to those of the inputs.
    pub(crate) fn run(&self, seen: Seen<'_, T>) -> Outputs<Tensor<T>> {
        let CompiledReverse { reverse, step } = self.reverse;
        let Seen { arguments, stacked, residuals, cotangents } = seen;
        let places = &self.forward.residuals().places;
        let sequence = |source: &SequenceSource| match *source {
            SequenceSource::Cotangent(k) => cotangents.stacked[k].clone().expect("the mask has it"),
            SequenceSource::Sequence(i) => arguments.sequences[i].clone(),
            SequenceSource::Residual(id) => match places[&id] {
                place if place < stacked.len() => stacked[place].clone(),
                place => residuals[place - stacked.len()].clone(),
            },
        };
        let sequences: Vec<Tensor<T>> = reverse.sequences.iter().map(sequence).collect();
        let mut invariants = self.invariants.clone();
        for (value, source) in invariants.iter_mut().zip(reverse.invariants.iter()) {
            // the initial state differs between windows, but no other invariant is computed from it
            if let InvariantSource::Initial(j) = *source {
                *value = arguments.state[j].clone();
            }
        }
        let mut gradients = Outputs::unspecified(&step.hoisted.program, arguments.steps);
        let arguments = Arguments {
            steps: arguments.steps,
            reversed: !arguments.reversed,
            sequences: &sequences,
            state: &cotangents.state,
            invariants: &invariants,
        };
        self.plan.run(arguments, gradients.as_mut_slices());
        gradients
    }
}
