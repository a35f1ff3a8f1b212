//! Masks of the steps of sequences.

use bptt_autodiff::Var;
use bptt_tensor::{Scalar, Tensor};

use super::shape::sequence_shape;

/// The steps at which each sequence has an input.
#[derive(Clone, Debug)]
pub(crate) enum Mask<T> {
    /// The steps where `[T, B]` is not zero.
    Steps(Tensor<T>),
    /// The first steps of each sequence, as many as its length.
    Lengths(Vec<usize>),
}

impl<T: Scalar> Mask<T> {
    /// Returns the mask `[T, B, 1]` of a sequence `[T, B, I]`: nonzero where a sequence has a step, 0 elsewhere.
    ///
    /// # Panics
    ///
    /// If the mask or the lengths do not suit the extents `[T, B]`.
    #[track_caller]
    #[inline(never)]
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
