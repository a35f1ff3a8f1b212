//! How a layer is run over a sequence.

use std::cell::RefCell;
use std::fmt;

use bptt_autodiff::{Checkpoint, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

/// How a [`Layer`](crate::Layer) is run: what a [`Recurrence`](crate::Recurrence) asks of it, and layers
/// hand on to those that they are made of.
#[derive(Clone, Copy, Debug)]
pub struct Way<'r, T> {
    pub(crate) mask: Option<&'r Mask<T>>,
    pub(crate) reversed: bool,
    pub(crate) checkpoint: Option<Checkpoint>,
    /// Where the noise of training comes from.
    pub(crate) rng: Option<&'r dyn Source>,
}

impl<'t, T: Scalar> Way<'_, T> {
    /// From the first step to the last, every step there, without noise.
    pub const PLAIN: Self = Self { mask: None, reversed: false, checkpoint: None, rng: None };

    /// The same in the other direction of time.
    #[must_use]
    pub fn turned(self) -> Self {
        Self { reversed: !self.reversed, ..self }
    }

    /// Whether the last step is run first.
    #[must_use]
    pub fn is_reversed(self) -> bool {
        self.reversed
    }

    /// What `draw` makes of the random numbers of training; `None` in evaluation.
    pub fn in_training<R>(self, draw: impl FnOnce(&mut dyn Rng) -> R) -> Option<R> {
        let (mut draw, mut drawn) = (Some(draw), None);
        self.rng?.lend(&mut |rng| drawn = draw.take().map(|draw| draw(rng)));
        drawn
    }

    /// The inputs `[T, B, I]`, zero where a sequence has no step.
    #[track_caller]
    #[must_use]
    pub fn present(self, xs: Var<'t, T>) -> Var<'t, T> {
        match self.mask {
            Some(mask) => xs.tape().constant(mask.of(xs)).select(xs, 0.0),
            None => xs,
        }
    }

    /// Of a sequence `[T, B, F]`, what stands at the step that is run last of each, `[B, F]`; zeros where there
    /// is none.
    #[track_caller]
    #[must_use]
    pub fn last_of(self, xs: Var<'t, T>) -> Var<'t, T> {
        let [steps, batch, _] = sequence_shape(xs);
        let mask = self.mask.map(|mask| mask.of(xs));
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

/// A source of random numbers that is shared by the layers of a run. A trait, so that a [`Way`] need not name
/// how long the source is borrowed.
pub(crate) trait Source: fmt::Debug {
    fn lend(&self, to: &mut dyn FnMut(&mut dyn Rng));
}

pub(crate) struct Shared<'r>(pub(crate) RefCell<&'r mut dyn Rng>);

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
