//! Truncated back-propagation through time.

use std::cell::RefCell;

use bptt_autodiff::{Tree, Var};
use bptt_tensor::{Scalar, Tensor};

use super::layer::Layer;
use super::mask::Mask;
use super::options::RunOptions;
use super::shape::{assert_batch, sequence_shape};
use super::shared_rng::SharedRng;
use super::stepwise::Stepwise;
use super::windows::Windows;
use crate::core::random::rng;

/// Truncated back-propagation through time, BPTT(k₁, k₂). After every `k₁` steps, the losses of these steps are
/// propagated back through `k₂` steps (Williams and Peng 1990, who write BPTT(h; h′) with `h = k₂` and `h′ = k₁`;
/// Sutskever 2013).
///
/// ```text
/// chunk w:  steps w·k₁ … e − 1 with e = min((w + 1)·k₁, T), the losses of which count
/// window w: steps e − k₂ … e − 1, through which their gradient flows
/// ```
///
/// The initial state of each window is a constant, except the initial state of the run. Outputs equal those of the
/// whole recurrence. Their gradient `∂L_t/∂θ = Σ_k (path t → k) · (∂h_k/∂θ)` keeps the terms whose step `k` lies within
/// the window. With `k₁ = k₂` the sequence is cut into pieces. With `k₁ = 1` ([`window`](Self::window)) each loss keeps
/// exactly the lags `t − k < k₂`. With `k₂ ≥ T` nothing is cut.
///
/// All windows run at once, as sequences of one batch. A first run without gradient computes their initial states. A
/// step costs `1 + k₂/k₁` steps forward and `k₂/k₁` in reverse. To cut a stream into pieces with a tape for each, use
/// [`CarriedState`](crate::CarriedState). A cell that reads sequences of its own, or the number of its step
/// ([`Tape::at_step`](bptt_autodiff::Tape::at_step), [`Tape::step_index`](bptt_autodiff::Tape::step_index)), panics in a
/// window: the same step of two windows has two numbers. A count in the state is carried into each window.
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
    /// Creates BPTT(`k₁`, `k₂`) with `k₁ = every` and `k₂ = reach`: after `every` steps, their losses flow back through
    /// `reach` steps.
    ///
    /// # Panics
    ///
    /// If `every` is 0, or greater than `reach`: some losses would have no gradient.
    #[track_caller]
    #[must_use]
    pub fn new(every: usize, reach: usize) -> Self {
        assert!(
            0 < every && every <= reach,
            "BPTT({every}, {reach}): needs 1 ≤ k₁ ≤ k₂, or some losses have no gradient"
        );
        Self { every, reach }
    }

    /// Creates BPTT(1, `reach`): the gradient of each loss reaches back exactly `reach` steps, including its own.
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

    /// Runs a layer that reads forward, with options.
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
        assert_batch(xs, &state);
        if self.reach >= steps {
            return layer.run(xs, state, options); // nothing is cut
        }
        let windows = Windows::new([self.every, self.reach], [steps, batch]);
        // the first pass, which computes the initial states of the windows, has the same noise as the windows
        let seed = options.in_training(|rng| rng.next_u64());
        let [mut whole, mut cut] = [(); 2].map(|()| seed.map(rng));
        let [whole, cut] = [&mut whole, &mut cut].map(|rng| rng.as_mut().map(SharedRng::new));

        let options = RunOptions { rng: whole.as_ref().map(|rng| rng as _), ..options };
        let states = states(layer, xs, state.clone(), options);
        let starts = windows.starts(xs.tape(), state.leaves(), &states);

        let is_there = windows.are_there();
        let mask = Mask::Steps(match options.mask_of(xs) {
            Some(mask) => &is_there * windows.of_steps(&mask).reshape(is_there.shape()),
            None => is_there,
        });
        let resets = options.resets.map(|resets| windows.of_steps(resets));
        let options = RunOptions {
            mask: Some(&mask),
            resets: resets.as_ref(),
            rng: cut.as_ref().map(|rng| rng as _),
            windows: Some(&windows),
            is_windowed: true,
            ..options
        };
        let inputs = xs.gather_rows(&windows.rows);
        let inputs = inputs.reshape([self.reach, windows.count() * batch, features]);
        let (ys, last) = layer.run(inputs, state.with_leaves(&starts), options);
        let sequences = windows.count() * batch;
        let of_last_window = |leaf: &Var<'t, T>| leaf.slice(0, sequences - batch..sequences);
        let leaves: Vec<_> = last.leaves().iter().map(of_last_window).collect();
        (windows.counted(ys), last.with_leaves(&leaves))
    }
}

/// Returns the state after each step, `[T, B, ..]` for each variable. The operations that compute it are removed from
/// the tape afterwards. They read the tape's [substitutes](Tape::substitute) of parameters.
#[track_caller]
fn states<'t, T: Scalar, L: Layer<T>>(
    layer: &L,
    xs: Var<'t, T>,
    state: L::State<'t>,
    options: RunOptions<'_, T>,
) -> Vec<Tensor<T>> {
    let kept = RefCell::default();
    let options = RunOptions { states: Some(&kept), recompute: None, ..options };
    let recorded = xs.tape().aside(); // not in a closure, which would hide the caller's line
    let _ = layer.run(xs, state, options);
    drop(recorded);
    kept.into_inner()
}
