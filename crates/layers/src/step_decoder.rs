//! A decoder that is run step by step.

use bptt_autodiff::{Stepper, Tape, Var};
use bptt_tensor::{Scalar, Tensor};

use crate::{Stepwise, stepper};

/// A decoder that reads rows of a table, and gives logits: step by step, without noise, and free of any tape.
pub(crate) struct StepDecoder<T> {
    /// What there is to read, `[V, I]`.
    table: Tensor<T>,
    decoder: Stepper<T>,
    /// From the decoder's outputs `[R, H]` to logits `[R, C]`. Apart from the decoder, which is a program over rows even
    /// where this is not: attention is run operation by operation.
    head: Stepper<T>,
}

impl<T: Scalar> StepDecoder<T> {
    /// A decoder of so many rows, from the values of its state `[R, ..]`.
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
        let tape = Tape::new();
        let hs = tape.constant(Tensor::zeros([1, rows, decoder.output(0).len() / rows]));
        let head = tape.scan(&[hs], &[]).stepper(|h, _| (vec![head(h[0])], vec![]));
        Self { table, decoder, head }
    }

    /// The logits `[R, C]` of what follows, when the decoder reads this row of the table in each of its own.
    #[track_caller]
    pub(crate) fn step(&mut self, read: &[usize]) -> Tensor<T> {
        let xs = self.table.gather_rows(read);
        self.decoder.step(&[xs.as_slice()]);
        self.head.step(&[self.decoder.output(0)]);
        let logits = self.head.output(0);
        Tensor::from_slice([read.len(), logits.len() / read.len()], logits)
    }

    /// Row `i` goes on from where row `rows[i]` was.
    pub(crate) fn gather_rows(&mut self, rows: &[usize]) {
        self.decoder.gather_rows(rows);
    }
}
