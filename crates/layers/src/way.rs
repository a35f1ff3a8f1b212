//! How a layer is run over a sequence.

use std::cell::RefCell;
use std::fmt;

use bptt_autodiff::{Checkpoint, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use crate::Dropout;

/// How a [`Layer`](crate::Layer) is run: what a [`Recurrence`](crate::Recurrence) asks of it, and layers
/// hand on to those that they are made of.
#[derive(Clone, Copy, Debug)]
pub struct Way<'r, T> {
    pub(crate) mask: Option<&'r Mask<T>>,
    pub(crate) reversed: bool,
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) noise: Option<&'r dyn Noise<T>>,
}

impl<'t, T: Scalar> Way<'_, T> {
    /// From the first step to the last, every step there, without dropout.
    pub(crate) const PLAIN: Self =
        Self { mask: None, reversed: false, checkpoint: None, noise: None };

    /// The same in the other direction of time.
    #[must_use]
    pub fn turned(self) -> Self {
        Self { reversed: !self.reversed, ..self }
    }

    /// What one layer hands to the next: values with dropout, where that was asked for.
    #[track_caller]
    #[must_use]
    pub fn between_layers(self, xs: Var<'t, T>) -> Var<'t, T> {
        match self.noise {
            Some(noise) => noise.apply(xs),
            None => xs,
        }
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
                let is_there = |i: usize| f64::from(u8::from(i / batch < lengths[i % batch]));
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

/// What is done at random to values.
pub(crate) trait Noise<T>: fmt::Debug {
    fn apply<'t>(&self, xs: Var<'t, T>) -> Var<'t, T>;
}

/// Dropout, and where its randomness comes from.
pub(crate) struct DropoutOf<'r> {
    pub(crate) dropout: Dropout,
    pub(crate) rng: RefCell<&'r mut dyn Rng>,
}

impl<T: Scalar> Noise<T> for DropoutOf<'_> {
    #[track_caller]
    fn apply<'t>(&self, xs: Var<'t, T>) -> Var<'t, T> {
        self.dropout.apply(&mut *self.rng.borrow_mut(), xs)
    }
}

impl fmt::Debug for DropoutOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.dropout.fmt(f)
    }
}
