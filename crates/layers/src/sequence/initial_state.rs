//! Learned initial states, for sequences that start anew within a run.

use std::cell::Cell;

use bptt_autodiff::{Param, Tape, Var};
use bptt_tensor::Scalar;

/// A learned initial state, each variable `[1, ..]`. The layers within a wrapper take their variables one after the
/// other, in the order of the leaves.
#[derive(Debug)]
pub(crate) struct InitialState<'r, T> {
    initial: &'r [Param<T>],
    taken: Cell<usize>,
}

impl<'r, T: Scalar> InitialState<'r, T> {
    pub(crate) fn new(initial: &'r [Param<T>]) -> Self {
        Self { initial, taken: Cell::new(0) }
    }

    /// Returns the next variables, without the axis of the batch.
    pub(crate) fn next<'t>(&self, variables: usize, tape: &'t Tape<T>) -> Vec<Var<'t, T>> {
        let first = self.taken.replace(self.taken.get() + variables);
        let own = self.initial[first..first + variables].iter();
        own.map(|param| tape.param(param).reshape(param.shape().without(0))).collect()
    }
}
