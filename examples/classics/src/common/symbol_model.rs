//! Models that read symbols.

use bptt::prelude::*;
use bptt::tasks::Symbols;

/// An embedding of symbols, a layer over time, and a readout of its outputs.
#[derive(Module)]
pub(crate) struct SymbolModel<T, L> {
    /// The vector of each symbol.
    pub(crate) embedding: Embedding<T>,
    /// What runs over time.
    pub(crate) layer: L,
    /// Scores of classes.
    pub(crate) output: Linear<T>,
}

impl<T: Scalar, L: Layer<T>> SymbolModel<T, L> {
    /// Returns the logits `[T, B, C]` at each step.
    pub(crate) fn logits<'t>(&self, tape: &'t Tape<T>, inputs: &Symbols) -> Var<'t, T> {
        let xs = self.embedding.forward(tape, &inputs.symbols, inputs.shape());
        let start = self.layer.start(tape, inputs.lengths.len());
        let run = Recurrence::new(&self.layer).lengths(&inputs.lengths);
        self.output.forward(run.run(xs, start).0)
    }

    /// Returns the logits `[B, C]` at the end of each sequence.
    pub(crate) fn last_logits<'t>(&self, tape: &'t Tape<T>, inputs: &Symbols) -> Var<'t, T> {
        let xs = self.embedding.forward(tape, &inputs.symbols, inputs.shape());
        let start = self.layer.start(tape, inputs.lengths.len());
        let run = Recurrence::new(&self.layer).lengths(&inputs.lengths);
        self.output.forward(run.last(xs, start).0)
    }
}
