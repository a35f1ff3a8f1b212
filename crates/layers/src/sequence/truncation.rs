//! Truncated back-propagation through time.

use std::cell::RefCell;

use bptt_autodiff::{Tape, Var};
use bptt_tensor::{Scalar, Shape, Tensor};

use super::layer::Layer;
use super::options::RunOptions;
use super::options::{Mask, Shared, sequence_shape};
use super::run::assert_batch;
use super::stepwise::Stepwise;
use crate::core::random::rng;

/// Truncated back-propagation through time, BPTT(k₁, k₂): after every `k₁` steps the losses of these steps are
/// traced back through `k₂` steps (Williams and Peng 1990, who write BPTT(h; h′) with `h = k₂` and `h′ = k₁`;
/// Sutskever 2013).
///
/// ```text
/// chunk w:  steps w·k₁ … e − 1 with e = min((w + 1)·k₁, T), the losses of which count
/// window w: steps e − k₂ … e − 1, through which their gradient flows
/// ```
///
/// What a window starts from is a constant, but for the state at the beginning. Outputs are those of the
/// whole recurrence; their gradient keeps, of `∂L_t/∂θ = Σ_k (path t → k) · (∂h_k/∂θ)`, the terms whose step
/// `k` lies within the window. With `k₁ = k₂` the sequence is cut into pieces; with `k₁ = 1`
/// ([`window`](Self::window)) each loss keeps exactly the lags `t − k < k₂`; with `k₂ ≥ T` nothing is cut.
///
/// All windows are run at once, as sequences of one batch, after a run without gradient for the states that
/// they start from: a step costs `1 + k₂/k₁` steps forward and `k₂/k₁` in reverse. To cut a stream into pieces
/// whose tapes come one after the other, use [`CarriedState`](crate::CarriedState). A cell that reads
/// sequences of its own ([`Tape::at_step`]) cannot be cut so: it panics, as a window has fewer steps.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::{Lstm, StateSizes, Truncation};
/// use bptt_tensor::Tensor;
///
/// let mut rng = bptt_layers::rng(0);
/// let lstm = Lstm::<f64>::new(&mut rng, 3, 4);
/// let tape = Tape::new();
/// let xs = tape.variable(Tensor::ones([9, 2, 3]));
/// let (ys, _state) = Truncation::window(3).run(&lstm, xs, lstm.zero_state(&tape, 2));
/// let gradients = tape.backward(ys.index_first(8).sum_all());
/// let reaches = |t| gradients.wrt(xs).index_first(t).sum(&[0, 1]).item() != 0.0;
/// assert!(!reaches(5) && reaches(6) && reaches(7) && reaches(8));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncation {
    /// `k₁`
    every: usize,
    /// `k₂`
    reach: usize,
}

impl Truncation {
    /// BPTT(`k₁`, `k₂`): after `every` steps, back through `reach`.
    ///
    /// # Panics
    ///
    /// If `every` is 0, or greater than `reach`: losses would have no gradient.
    #[track_caller]
    #[must_use]
    pub fn new(every: usize, reach: usize) -> Self {
        assert!(
            0 < every && every <= reach,
            "BPTT({every}, {reach}): needs 1 ≤ k₁ ≤ k₂, or some losses have no gradient"
        );
        Self { every, reach }
    }

    /// BPTT(1, `reach`): the gradient of each loss reaches back exactly so many steps, its own the first.
    ///
    /// # Panics
    ///
    /// If `reach` is 0.
    #[track_caller]
    #[must_use]
    pub fn window(reach: usize) -> Self {
        Self::new(1, reach)
    }

    /// Returns the outputs `[T, B, O]` and the last state, from inputs `[T, B, I]` and the first state.
    /// [`Recurrence::truncated`](crate::Recurrence::truncated) also takes lengths, a mask, resets and the noise of
    /// training.
    ///
    /// # Panics
    ///
    /// If `xs` does not have three axes, if the state has another batch, or if the layer's equations panic.
    #[track_caller]
    #[must_use]
    pub fn run<'t, T: Scalar, L: Stepwise<T>>(
        self,
        layer: &L,
        xs: Var<'t, T>,
        state: L::State<'t>,
    ) -> (Var<'t, T>, L::State<'t>) {
        self.run_in(RunOptions::default(), layer, xs, state)
    }

    /// Of a layer that reads forward.
    #[track_caller]
    pub(crate) fn run_in<'t, T: Scalar, L: Layer<T>>(
        self,
        options: RunOptions<'_, T>,
        layer: &L,
        xs: Var<'t, T>,
        state: L::State<'t>,
    ) -> (Var<'t, T>, L::State<'t>) {
        assert!(
            !options.reversed,
            "a truncated run follows the direction of time: it cannot be reversed"
        );
        assert!(
            options.costates.is_none(),
            "a truncated run has no costates: each window has its own"
        );
        let [steps, batch, features] = sequence_shape(xs);
        assert_batch(xs, &layer.leaves(&state));
        if self.reach >= steps {
            return layer.run(xs, state, options); // nothing is cut
        }
        let windows = Windows::new(self, [steps, batch]);
        // the first pass, which computes the initial states of the windows, has the same noise as the windows
        let seed = options.in_training(|rng| rng.next_u64());
        let [mut whole, mut cut] = [(); 2].map(|()| seed.map(rng));
        let [whole, cut] = [&mut whole, &mut cut].map(|rng| rng.as_mut().map(Shared::new));

        let options = RunOptions { rng: whole.as_ref().map(|rng| rng as _), ..options };
        let states = states(layer, xs, &layer.leaves(&state), options);
        let starts = windows.starts(xs.tape(), layer.leaves(&state), &states);

        let is_there = windows.are_there();
        let mask = Mask::Steps(match options.mask_of(xs) {
            Some(mask) => is_there.mul(&windows.of_steps(&mask).reshape(is_there.shape())),
            None => is_there,
        });
        let resets = options.resets.map(|resets| windows.of_steps(resets));
        let options = RunOptions {
            mask: Some(&mask),
            resets: resets.as_ref(),
            rng: cut.as_ref().map(|rng| rng as _),
            windows: Some(&windows),
            ..options
        };
        let inputs = xs.gather_rows(&windows.rows);
        let inputs = inputs.reshape([self.reach, windows.count() * batch, features]);
        let (ys, last) = layer.run(inputs, layer.rebuild(&mut starts.into_iter()), options);
        let of_last_window = |leaf: Var<'t, T>| {
            let sequences = windows.count() * batch;
            leaf.slice(0, sequences - batch..sequences)
        };
        let last = layer.rebuild(&mut layer.leaves(&last).into_iter().map(of_last_window));
        (windows.counted(ys), last)
    }
}

/// The windows of a truncated run, as sequences of one batch `[k₂, windows · B]`.
#[derive(Debug)]
pub(crate) struct Windows {
    truncation: Truncation,
    /// The extents `[T, B]` of the whole run.
    whole: [usize; 2],
    /// The step after the end of each window.
    ends: Vec<usize>,
    /// The step of the run for each step of each window, `[k₂, windows]`. Before the first step, the entry is
    /// arbitrary.
    rows: Vec<usize>,
}

impl Windows {
    fn new(truncation: Truncation, whole: [usize; 2]) -> Self {
        let Truncation { every, reach } = truncation;
        let ends: Vec<usize> =
            (1..=whole[0].div_ceil(every)).map(|w| whole[0].min(w * every)).collect();
        let times = (0..reach).flat_map(|step| ends.iter().map(move |end| end + step));
        let rows = times.map(|time| time.saturating_sub(reach)).collect();
        Self { truncation, whole, ends, rows }
    }

    fn count(&self) -> usize {
        self.ends.len()
    }

    /// The extents `[T, B, F]` of the whole run, for windows with this many features.
    pub(crate) fn whole(&self, features: usize) -> [usize; 3] {
        [self.whole[0], self.whole[1], features]
    }

    /// A mask of the windows' steps: 1, or 0 before the first step of the whole run.
    fn are_there<T: Scalar>(&self) -> Tensor<T> {
        let (reach, sequences) = (self.truncation.reach, self.count() * self.whole[1]);
        Tensor::from_fn([reach, sequences], |i| {
            let (step, window) = (i / sequences, i % sequences / self.whole[1]);
            T::of(f64::from(u8::from(self.ends[window] + step >= reach)))
        })
    }

    /// Values of each step, `[T, B, ..]`, arranged for the windows: `[k₂, windows · B, ..]`.
    pub(crate) fn of_steps<T: Scalar>(&self, values: &Tensor<T>) -> Tensor<T> {
        let sequences = self.count() * self.whole[1];
        let rest = values.shape().iter().skip(2).copied();
        let shape: Shape = [self.truncation.reach, sequences].into_iter().chain(rest).collect();
        values.gather_rows(&self.rows).reshape(shape)
    }

    /// Values of each sequence, `[B, ..]`, arranged for the windows: `[windows · B, ..]`.
    pub(crate) fn of_sequences<T: Scalar>(&self, values: &Tensor<T>) -> Tensor<T> {
        let batch = self.whole[1];
        values.gather_rows(&(0..self.count() * batch).map(|i| i % batch).collect::<Vec<_>>())
    }

    /// The state before each window, `[windows · B, ..]`, from the first state and the states after each step. It is
    /// the first state itself, or a constant.
    fn starts<'t, T: Scalar>(
        &self,
        tape: &'t Tape<T>,
        first: Vec<Var<'t, T>>,
        states: &[Tensor<T>],
    ) -> Vec<Var<'t, T>> {
        let start = |(leaf, states): (Var<'t, T>, &Tensor<T>)| {
            let before = |end: &usize| match end.saturating_sub(self.truncation.reach) {
                0 => leaf,
                steps => tape.constant(states.index_first(steps - 1)),
            };
            Var::concat(&self.ends.iter().map(before).collect::<Vec<_>>(), 0)
        };
        first.into_iter().zip(states).map(start).collect()
    }

    /// The outputs of the whole run, `[T, B, O]`, from the last `k₁` steps of each window.
    fn counted<'t, T: Scalar>(&self, ys: Var<'t, T>) -> Var<'t, T> {
        let Truncation { every, reach } = self.truncation;
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

/// The state after each step, each variable `[T, B, ..]`. The operations that compute them are removed from the tape
/// again. They read the tape's [substitutes](Tape::substitute) of parameters.
#[track_caller]
fn states<T: Scalar, L: Layer<T>>(
    layer: &L,
    xs: Var<'_, T>,
    first: &[Var<'_, T>],
    options: RunOptions<'_, T>,
) -> Vec<Tensor<T>> {
    let kept = RefCell::default();
    let options = RunOptions { states: Some(&kept), recompute: None, ..options };
    let state = layer.rebuild(&mut first.iter().copied());
    let recorded = xs.tape().aside(); // not in a closure, which would hide the caller's line
    let _ = layer.run(xs, state, options);
    drop(recorded);
    kept.into_inner()
}
