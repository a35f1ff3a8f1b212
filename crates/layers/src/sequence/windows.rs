//! The windows of truncated back-propagation, as sequences of one batch.

use bptt_autodiff::{Tape, Var};
use bptt_tensor::{Scalar, Shape, Tensor};

/// The windows of a truncated run, as sequences of one batch `[k₂, windows · B]`.
#[derive(Debug)]
pub(crate) struct Windows {
    /// `k₁`
    every: usize,
    /// `k₂`
    reach: usize,
    /// The extents `[T, B]` of the whole run.
    whole: [usize; 2],
    /// The step after the end of each window.
    ends: Vec<usize>,
    /// The step of the run for each step of each window, `[k₂, windows]`. Where a window reaches before the first step
    /// of the run, the entry is arbitrary.
    pub(crate) rows: Vec<usize>,
}

impl Windows {
    pub(crate) fn new([every, reach]: [usize; 2], whole: [usize; 2]) -> Self {
        let ends: Vec<usize> =
            (1..=whole[0].div_ceil(every)).map(|w| whole[0].min(w * every)).collect();
        let times = (0..reach).flat_map(|step| ends.iter().map(move |end| end + step));
        let rows = times.map(|time| time.saturating_sub(reach)).collect();
        Self { every, reach, whole, ends, rows }
    }

    /// Returns the number of windows.
    pub(crate) fn count(&self) -> usize {
        self.ends.len()
    }

    /// Returns the extents `[T, B, F]` of the whole run, for windows with this many features.
    pub(crate) fn whole(&self, features: usize) -> [usize; 3] {
        [self.whole[0], self.whole[1], features]
    }

    /// Returns a mask of the windows' steps: 0 before the first step of the whole run, else 1.
    pub(crate) fn are_there<T: Scalar>(&self) -> Tensor<T> {
        let (reach, sequences) = (self.reach, self.count() * self.whole[1]);
        Tensor::from_fn([reach, sequences], |i| {
            let (step, window) = (i / sequences, i % sequences / self.whole[1]);
            T::of(f64::from(u8::from(self.ends[window] + step >= reach)))
        })
    }

    /// Arranges values of each step, `[T, B, ..]`, for the windows: `[k₂, windows · B, ..]`.
    pub(crate) fn of_steps<T: Scalar>(&self, values: &Tensor<T>) -> Tensor<T> {
        let sequences = self.count() * self.whole[1];
        let rest = values.shape().iter().skip(2).copied();
        let shape: Shape = [self.reach, sequences].into_iter().chain(rest).collect();
        values.gather_rows(&self.rows).reshape(shape)
    }

    /// Arranges values of each sequence, `[B, ..]`, for the windows: `[windows · B, ..]`.
    pub(crate) fn of_sequences<T: Scalar>(&self, values: &Tensor<T>) -> Tensor<T> {
        let batch = self.whole[1];
        values.gather_rows(&(0..self.count() * batch).map(|i| i % batch).collect::<Vec<_>>())
    }

    /// Returns the initial state of each window, `[windows · B, ..]`, from the first state and the states after each
    /// step. It is the first state itself, or a constant.
    pub(crate) fn starts<'t, T: Scalar>(
        &self,
        tape: &'t Tape<T>,
        first: Vec<Var<'t, T>>,
        states: &[Tensor<T>],
    ) -> Vec<Var<'t, T>> {
        let start = |(leaf, states): (Var<'t, T>, &Tensor<T>)| {
            let before = |end: &usize| match end.saturating_sub(self.reach) {
                0 => leaf,
                steps => tape.constant(states.index_first(steps - 1)),
            };
            Var::concat(&self.ends.iter().map(before).collect::<Vec<_>>(), 0)
        };
        first.into_iter().zip(states).map(start).collect()
    }

    /// Returns the outputs of the whole run, `[T, B, O]`, from the last `k₁` steps of each window.
    pub(crate) fn counted<'t, T: Scalar>(&self, ys: Var<'t, T>) -> Var<'t, T> {
        let (every, reach) = (self.every, self.reach);
        let ([steps, batch], windows, outputs) = (self.whole, self.count(), ys.shape()[2]);
        // [k₂, windows · B, O] → [windows · k₁, B, O]
        let counted = ys.slice(0, reach - every..reach);
        let counted = counted.reshape([every, windows, batch, outputs]).permute(&[1, 0, 2, 3]);
        let counted = counted.reshape([windows * every, batch, outputs]);
        // the last chunk may have fewer steps: the last ones of its window
        let full = (windows - 1) * every;
        let rest = windows * every - (steps - full)..windows * every;
        Var::concat(&[counted.slice(0, 0..full), counted.slice(0, rest)], 0)
    }
}
