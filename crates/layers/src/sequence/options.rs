//! The options of a run over a sequence.

use std::cell::{Cell, RefCell};
use std::fmt;

use bptt_autodiff::{Param, Recompute, Tape, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use super::costates::Costates;
use super::truncation::Windows;

/// The options of a [`Layer`](crate::Layer)'s run over a sequence: mask, direction, recomputation, resets and noise.
///
/// A [`Recurrence`](crate::Recurrence) sets them. A wrapper passes them on to the layers within it.
#[derive(Clone, Copy, Debug)]
pub struct RunOptions<'r, T> {
    pub(crate) mask: Option<&'r Mask<T>>,
    pub(crate) reversed: bool,
    pub(crate) recompute: Option<Recompute>,
    /// A mask `[T, B]` of the steps before which the state starts anew.
    pub(crate) resets: Option<&'r Tensor<T>>,
    /// The initial state after a reset, unless it is zero.
    pub(crate) starts: Option<&'r Starts<'r, T>>,
    pub(crate) costates: Option<&'r Costates<T>>,
    /// Receives the states after each step, `[T, B, ..]` each, in the order of the leaves.
    pub(crate) states: Option<&'r RefCell<Vec<Tensor<T>>>>,
    /// The truncated run, if the sequences are its windows.
    pub(crate) windows: Option<&'r Windows>,
    /// Where the noise of training comes from.
    pub(crate) rng: Option<&'r dyn Source>,
}

impl<T> Default for RunOptions<'_, T> {
    /// Runs from the first step to the last, without mask and noise.
    fn default() -> Self {
        Self {
            mask: None,
            reversed: false,
            recompute: None,
            resets: None,
            starts: None,
            costates: None,
            states: None,
            windows: None,
            rng: None,
        }
    }
}

impl<'r, T> RunOptions<'r, T> {
    /// Sets the initial states after resets, unless an outer layer has set them.
    pub(crate) fn starting(self, starts: &'r Starts<'r, T>) -> Self {
        Self { starts: self.starts.or(Some(starts)), ..self }
    }
}

impl<'t, T: Scalar> RunOptions<'_, T> {
    /// Returns the options of a run in the opposite direction of time.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self { reversed: !self.reversed, ..self }
    }

    /// Whether the last step is run first.
    #[must_use]
    pub fn is_reversed(self) -> bool {
        self.reversed
    }

    /// What `draw` makes of the random numbers of training; `None` in evaluation.
    ///
    /// Draw noise for sequences with the extents that [`extents`](Self::extents) returns. Then pass it through
    /// [`of_steps`](Self::of_steps) or [`of_sequences`](Self::of_sequences): a truncated run consists of windows, and
    /// a step must have the same noise in all of them.
    pub fn in_training<R>(self, draw: impl FnOnce(&mut dyn Rng) -> R) -> Option<R> {
        let (mut draw, mut drawn) = (Some(draw), None);
        self.rng?.lend(&mut |rng| drawn = draw.take().map(|draw| draw(rng)));
        drawn
    }

    /// The extents `[T, B, F]` for which noise is drawn, in a run over `xs`.
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

    /// The inputs `[T, B, I]`, zero where a sequence has no step.
    #[track_caller]
    #[must_use]
    pub fn present(self, xs: Var<'t, T>) -> Var<'t, T> {
        match self.mask_of(xs) {
            Some(mask) => xs.tape().constant(mask).select(xs, 0.0),
            None => xs,
        }
    }

    /// Of a sequence `[T, B, F]`, what stands at the step that is run last of each, `[B, F]`; zeros where there
    /// is none.
    #[track_caller]
    #[must_use]
    pub fn last_of(self, xs: Var<'t, T>) -> Var<'t, T> {
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
    /// The mask of a sequence `[T, B, I]` as [`Mask::of`] returns it, unless all steps are there.
    ///
    /// # Panics
    ///
    /// As [`Mask::of`].
    #[track_caller]
    pub(crate) fn mask_of(self, xs: Var<'_, T>) -> Option<Tensor<T>> {
        Some(self.mask?.of(xs))
    }

    /// The resets of a sequence `[T, B, I]`, if there are any: 0 where the state starts anew before the step is run,
    /// else 1, `[T, B, 1]`.
    ///
    /// # Panics
    ///
    /// If the resets do not have the shape `[T, B]`.
    #[track_caller]
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
            // against time, the first step of a sequence is run just before the last step of the sequence before it
            let firsts = there.iter().skip(self.reversed.into());
            for (&run_anew, &first) in there.iter().zip(firsts) {
                if is(resets, first) {
                    goes_on.as_mut_slice()[run_anew] = T::zero();
                }
            }
        }
        Some(goes_on)
    }

    /// The initial values of the next variables of the state.
    pub(crate) fn starts<'t>(self, tape: &'t Tape<T>, variables: usize) -> Vec<Var<'t, T>> {
        match self.starts {
            Some(starts) => starts.next(variables, tape),
            None => vec![tape.scalar(0.0); variables],
        }
    }
}

/// A learned start, each variable `[1, ..]`. The layers within take their parts one after the other, in the order of
/// the leaves, as they take their noise.
#[derive(Debug)]
pub(crate) struct Starts<'r, T> {
    initial: &'r [Param<T>],
    taken: Cell<usize>,
}

impl<'r, T: Scalar> Starts<'r, T> {
    pub(crate) fn new(initial: &'r [Param<T>]) -> Self {
        Self { initial, taken: Cell::new(0) }
    }

    fn next<'t>(&self, variables: usize, tape: &'t Tape<T>) -> Vec<Var<'t, T>> {
        let first = self.taken.replace(self.taken.get() + variables);
        let own = self.initial[first..first + variables].iter();
        own.map(|param| tape.param(param).reshape(param.shape().without(0))).collect()
    }
}

/// Which steps there are.
#[derive(Clone, Debug)]
pub(crate) enum Mask<T> {
    /// Those that are not zero, `[T, B]`.
    Steps(Tensor<T>),
    /// The first so many of each sequence.
    Lengths(Vec<usize>),
}

impl<T: Scalar> Mask<T> {
    /// For a sequence `[T, B, I]`: 1 or another number where there is a step, else 0; `[T, B, 1]`.
    ///
    /// # Panics
    ///
    /// If the mask is one for sequences of another number or length.
    #[track_caller]
    pub(crate) fn of(&self, xs: Var<'_, T>) -> Tensor<T> {
        let [steps, batch, _] = sequence_shape(xs);
        match self {
            Self::Steps(mask) => {
                assert!(
                    *mask.shape() == [steps, batch],
                    "masked: inputs of shape {} need a mask [{steps}, {batch}], not {}",
                    xs.shape(),
                    mask.shape()
                );
                mask.reshape([steps, batch, 1])
            }
            Self::Lengths(lengths) => {
                assert!(
                    lengths.len() == batch && lengths.iter().all(|&length| length <= steps),
                    "lengths: inputs of shape {} need {batch} lengths of at most {steps}, not {lengths:?}",
                    xs.shape()
                );
                let is_there = |i: usize| f64::from(i / batch < lengths[i % batch]);
                Tensor::from_fn([steps, batch, 1], |i| T::of(is_there(i)))
            }
        }
    }
}

/// The extents `[T, B, I]` of a sequence.
#[track_caller]
pub(crate) fn sequence_shape<T: Scalar>(xs: Var<'_, T>) -> [usize; 3] {
    let shape = xs.shape();
    let &[steps, batch, features] = &shape[..] else {
        panic!("a sequence is [T, B, I], not {shape}; reshape it");
    };
    [steps, batch, features]
}

/// A source of random numbers that is shared by the layers of a run. A trait, so that a [`RunOptions`] need not name
/// how long the source is borrowed.
pub(crate) trait Source: fmt::Debug {
    fn lend(&self, to: &mut dyn FnMut(&mut dyn Rng));
}

pub(crate) struct Shared<'r>(pub(crate) RefCell<&'r mut dyn Rng>);

impl<'r> Shared<'r> {
    pub(crate) fn new(rng: &'r mut impl Rng) -> Self {
        Self(RefCell::new(rng))
    }
}

impl Source for Shared<'_> {
    fn lend(&self, to: &mut dyn FnMut(&mut dyn Rng)) {
        to(*self.0.borrow_mut());
    }
}

impl fmt::Debug for Shared<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared(..)")
    }
}
