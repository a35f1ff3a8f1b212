//! Sequences of a step's own: those that it reads by [`Tape::at_step`], and the numbers of its steps.

use bptt_tensor::{Scalar, Shape, Tensor};

use crate::scan::run::execute::over_steps;
use crate::tape::{StepCount, Tape, Var};

/// A sequence that is not an input of the scan.
#[derive(Debug)]
pub(crate) struct OwnSequence<'t, T> {
    pub(crate) source: OwnSource<Var<'t, T>>,
    /// The shape of an entry in the program.
    pub(crate) entry: Shape,
}

/// The origin of a sequence of a step's own.
#[derive(Debug)]
pub(crate) enum OwnSource<V> {
    Sequence(V),
    StepIndex,
}

impl<V> OwnSource<V> {
    pub(crate) fn map<W>(self, map: impl FnOnce(V) -> W) -> OwnSource<W> {
        match self {
            Self::Sequence(sequence) => OwnSource::Sequence(map(sequence)),
            Self::StepIndex => OwnSource::StepIndex,
        }
    }
}

impl<'t, T: Scalar> OwnSequence<'t, T> {
    /// The entries of a scan of this many steps. Entries that all rows of the batch share are repeated for each.
    ///
    /// # Panics
    ///
    /// If the sequence does not have an entry for each step.
    #[track_caller]
    pub(crate) fn over(&self, tape: &'t Tape<T>, steps: StepCount) -> Var<'t, T> {
        let count = steps.count;
        let sequence = match self.source {
            OwnSource::Sequence(sequence) => {
                steps.check_entries(&sequence.shape());
                if sequence.shape()[0] == count { sequence } else { sequence.slice(0, 0..count) }
            }
            OwnSource::StepIndex => {
                steps.check_index();
                tape.constant(Tensor::from_fn([count], |time| T::of(time as f64)))
            }
        };
        let entries = over_steps(&self.entry, count);
        if sequence.shape() == entries {
            return sequence;
        }
        let shared: Shape = [count, 1].iter().chain(&self.entry[1..]).copied().collect();
        sequence.reshape(shared).broadcast_to(entries)
    }

    /// The entries of a stepper, which has no length.
    pub(crate) fn online(self) -> OwnEntries<T> {
        let entry = vec![T::zero(); self.entry.elements()];
        OwnEntries { source: self.source.map(Var::value), entry }
    }
}

/// The entries of a sequence of a step's own, one after the other.
#[derive(Debug)]
pub(crate) struct OwnEntries<T> {
    source: OwnSource<Tensor<T>>,
    /// The entry of the step that is run.
    pub(crate) entry: Vec<T>,
}

impl<T: Scalar> OwnEntries<T> {
    /// Sets the entry to that of step `index`.
    ///
    /// # Panics
    ///
    /// If the sequence has no entry for the step.
    #[track_caller]
    pub(crate) fn set(&mut self, index: usize) {
        match &self.source {
            OwnSource::StepIndex => self.entry.fill(T::of(index as f64)),
            OwnSource::Sequence(sequence) => {
                let shape = sequence.shape();
                assert!(
                    index < shape[0],
                    "at_step: a sequence {shape} has no entry for step {index} of the stepper"
                );
                let width = sequence.len() / shape[0];
                let entry = &sequence.as_slice()[index * width..(index + 1) * width];
                for row in self.entry.chunks_exact_mut(width.max(1)) {
                    row.copy_from_slice(entry);
                }
            }
        }
    }
}
