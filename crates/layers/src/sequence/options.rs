//! The options of a run over a sequence.

use std::cell::RefCell;

use bptt_autodiff::{Recompute, Tape, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use super::costates::Costates;
use super::initial_state::InitialState;
use super::mask::Mask;
use super::shape::sequence_shape;
use super::shared_rng::RngSource;
use super::windows::Windows;

/// The options of a [`Layer`](crate::Layer)'s run over a sequence: mask, direction, recomputation, resets and noise.
///
/// A [`Recurrence`](crate::Recurrence) sets them. A wrapper passes them on to the layers within it.
#[derive(Clone, Copy, Debug)]
pub struct RunOptions<'r, T> {
    pub(crate) mask: Option<&'r Mask<T>>,
    pub(crate) reversed: bool,
    /// Whether only the output of the last step is computed.
    pub(crate) last_only: bool,
    pub(crate) recompute: Option<Recompute>,
    /// A mask `[T, B]` of the steps before which the state starts anew.
    pub(crate) resets: Option<&'r Tensor<T>>,
    /// The initial state after a reset, unless it is zero.
    pub(crate) starts: Option<&'r InitialState<'r, T>>,
    pub(crate) costates: Option<&'r Costates<T>>,
    /// Receives the states after each step, `[T, B, ..]` each, in the order of the leaves.
    pub(crate) states: Option<&'r RefCell<Vec<Tensor<T>>>>,
    /// The windows of a truncated run. The sequences of the batch are then its windows.
    pub(crate) windows: Option<&'r Windows>,
    /// Whether the sequences of the batch are windows of longer ones, so that a step has no number.
    pub(crate) is_windowed: bool,
    /// The generator of the noise of training; `None` in evaluation.
    pub(crate) rng: Option<&'r dyn RngSource>,
}

impl<T> Default for RunOptions<'_, T> {
    /// Returns the options of a run from the first step to the last, without mask and noise.
    fn default() -> Self {
        Self {
            mask: None,
            reversed: false,
            last_only: false,
            recompute: None,
            resets: None,
            starts: None,
            costates: None,
            states: None,
            windows: None,
            is_windowed: false,
            rng: None,
        }
    }
}

impl<'r, T> RunOptions<'r, T> {
    /// Sets the initial states after resets, unless an outer layer has set them.
    pub(crate) fn starting(self, starts: &'r InitialState<'r, T>) -> Self {
        Self { starts: self.starts.or(Some(starts)), ..self }
    }
}

impl<'t, T: Scalar> RunOptions<'_, T> {
    /// Returns the options of a run in the opposite direction of time.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self { reversed: !self.reversed, ..self }
    }

    /// Returns whether the run goes from the last step to the first.
    #[must_use]
    pub fn is_reversed(self) -> bool {
        self.reversed
    }

    /// Returns the options of a run with the outputs of every step, as a layer below another needs them.
    #[must_use]
    pub fn every_step(self) -> Self {
        Self { last_only: false, ..self }
    }

    /// Returns whether only the last output of each sequence is computed, `[B, O]` in place of `[T, B, O]`.
    #[must_use]
    pub fn is_last_only(self) -> bool {
        self.last_only
    }

    pub(crate) fn last_only(self) -> Self {
        Self { last_only: true, ..self }
    }

    /// Returns the noise that `draw` draws from the generator of training; `None` in evaluation.
    ///
    /// Draw noise for the extents that [`extents`](Self::extents) returns. Then pass it through
    /// [`of_steps`](Self::of_steps) or [`of_sequences`](Self::of_sequences): a truncated run consists of windows, and a
    /// step has the same noise in all of them.
    pub fn in_training<R>(self, draw: impl FnOnce(&mut dyn Rng) -> R) -> Option<R> {
        let (mut draw, mut drawn) = (Some(draw), None);
        self.rng?.lend(&mut |rng| drawn = draw.take().map(|draw| draw(rng)));
        drawn
    }

    /// Returns the extents `[T, B, F]` for which noise is drawn in a run over `xs`.
    #[track_caller]
    #[must_use]
    pub fn extents(self, xs: Var<'t, T>) -> [usize; 3] {
        let [steps, batch, features] = sequence_shape(xs);
        self.windows.map_or([steps, batch, features], |windows| windows.whole(features))
    }

    /// Arranges noise of each step, drawn as `[T, B, ..]`, for the steps of the run.
    #[must_use]
    pub fn of_steps(self, noise: Tensor<T>) -> Tensor<T> {
        match self.windows {
            Some(windows) => windows.of_steps(&noise),
            None => noise,
        }
    }

    /// Arranges noise of each sequence, drawn as `[B, ..]`, for the sequences of the run.
    #[must_use]
    pub fn of_sequences(self, noise: Tensor<T>) -> Tensor<T> {
        match self.windows {
            Some(windows) => windows.of_sequences(&noise),
            None => noise,
        }
    }

    /// Returns the inputs at the steps of the outputs, for a connection around a layer: `[T, B, I]`, with zeros where a
    /// sequence has no step. If [only the last output](Self::is_last_only) is computed, they are `[B, I]`.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn aligned(self, xs: Var<'t, T>) -> Var<'t, T> {
        if self.last_only {
            return self.last_step(xs);
        }
        match self.mask_of(xs) {
            Some(mask) => xs.tape().constant(mask).select(xs, 0.0),
            None => xs,
        }
    }

    /// Returns the last step of each sequence in the order of the run, `[B, F]` of `[T, B, F]`. It is zero for a
    /// sequence without steps.
    #[track_caller]
    #[inline(never)]
    pub(crate) fn last_step(self, xs: Var<'t, T>) -> Var<'t, T> {
        let [steps, batch, _] = sequence_shape(xs);
        let mask = self.mask_of(xs);
        let is_there = |t: usize, b: usize| {
            mask.as_ref().is_none_or(|mask| mask.as_slice()[t * batch + b] != T::zero())
        };
        let mut is_last = Tensor::zeros([steps, batch, 1]);
        for b in 0..batch {
            let mut there = (0..steps).filter(|&t| is_there(t, b));
            if let Some(t) = if self.reversed { there.next() } else { there.next_back() } {
                is_last.as_mut_slice()[t * batch + b] = T::one();
            }
        }
        xs.tape().constant(is_last).select(xs, 0.0).sum(&[0])
    }
}

impl<T: Scalar> RunOptions<'_, T> {
    /// Returns the mask of a sequence `[T, B, I]`, as [`Mask::of`] does; `None` if every step has an input.
    ///
    /// # Panics
    ///
    /// As [`Mask::of`].
    #[track_caller]
    #[inline(never)]
    pub(crate) fn mask_of(self, xs: Var<'_, T>) -> Option<Tensor<T>> {
        Some(self.mask?.of(xs))
    }

    /// Returns the resets of a sequence `[T, B, I]`, if there are any. They are `[T, B, 1]`: 0 where the state starts
    /// anew before the step, 1 elsewhere.
    ///
    /// # Panics
    ///
    /// If the resets do not have the shape `[T, B]`.
    #[track_caller]
    #[inline(never)]
    pub(crate) fn goes_on(self, xs: Var<'_, T>) -> Option<Tensor<T>> {
        let resets = self.resets?;
        let [steps, batch, _] = sequence_shape(xs);
        assert!(
            *resets.shape() == [steps, batch],
            "resets: inputs of shape {} need a mask [{steps}, {batch}], not {}",
            xs.shape(),
            resets.shape()
        );
        let mask = self.mask_of(xs);
        let is = |values: &Tensor<T>, i: usize| values.as_slice()[i] != T::zero();
        let is_there = |&i: &usize| mask.as_ref().is_none_or(|mask| is(mask, i));
        let mut goes_on = Tensor::ones([steps, batch, 1]);
        for b in 0..batch {
            // a reset at a step that is left out has no effect
            let there: Vec<usize> = (0..steps).map(|t| t * batch + b).filter(is_there).collect();
            // in reverse, the first step of a piece is run just before the last step of the earlier piece
            let firsts = there.iter().skip(self.reversed.into());
            for (&run_anew, &first) in there.iter().zip(firsts) {
                if is(resets, first) {
                    goes_on.as_mut_slice()[run_anew] = T::zero();
                }
            }
        }
        Some(goes_on)
    }

    /// Returns the initial values of the next variables of the state.
    #[inline(never)]
    pub(crate) fn starts<'t>(self, tape: &'t Tape<T>, variables: usize) -> Vec<Var<'t, T>> {
        match self.starts {
            Some(starts) => starts.next(variables, tape),
            None => vec![tape.scalar(0.0); variables],
        }
    }
}
