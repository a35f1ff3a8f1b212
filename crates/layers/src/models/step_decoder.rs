//! A decoder that is run step by step.

use bptt_autodiff::{Stepper, Tape, Var};
use bptt_tensor::{Scalar, Tensor};

use crate::sequence::stepwise::{Stepwise, stepper};

/// A decoder that reads rows of a table and returns logits, step by step. It has no noise and no tape.
pub(crate) struct StepDecoder<T> {
    /// The table of inputs, `[V, I]`.
    table: Tensor<T>,
    decoder: Stepper<T>,
    /// Maps the decoder's outputs `[R, H]` to logits `[R, C]`. It is a stepper of its own, so that the decoder is
    /// compiled even where the head runs operation by operation, as attention does.
    head: Stepper<T>,
}

impl<T: Scalar> StepDecoder<T> {
    /// Creates a decoder with this many rows, from the values of its state `[R, ..]`.
    #[track_caller]
    pub(crate) fn new<D: Stepwise<T>>(
        decoder: &D,
        rows: usize,
        table: Tensor<T>,
        state: &[Tensor<T>],
        head: impl for<'t> Fn(Var<'t, T>) -> Var<'t, T>,
    ) -> Self {
        let mut decoder = stepper(decoder, [rows, table.shape()[1]]);
        decoder.set_state(state);
        let tape = Tape::inference();
        let hs = tape.constant(Tensor::zeros([1, rows, decoder.output(0).len() / rows]));
        let head = tape.scan(hs, ()).stepper(|h, ()| (head(h), ()));
        Self { table, decoder, head }
    }

    /// Returns the logits `[R, C]` of the next symbols, when row `i` of the decoder reads row `read[i]` of the table.
    #[track_caller]
    pub(crate) fn step(&mut self, read: &[usize]) -> Tensor<T> {
        let xs = self.table.gather_rows(read);
        self.decoder.step(&[xs.as_slice()]);
        self.head.step(&[self.decoder.output(0)]);
        let logits = self.head.output(0);
        Tensor::from_slice([read.len(), logits.len() / read.len()], logits)
    }

    /// Replaces the state of row `i` by that of row `rows[i]`, for all rows at once.
    pub(crate) fn gather_rows(&mut self, rows: &[usize]) {
        self.decoder.gather_rows(rows);
    }
}
