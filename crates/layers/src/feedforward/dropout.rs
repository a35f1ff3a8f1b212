//! Dropout.

use bptt_autodiff::Var;
use bptt_tensor::{Scalar, Shape, Tensor};
use rand::Rng;

/// Dropout (Srivastava et al. 2014). In training, each element is zeroed with probability `rate`. The others are scaled
/// by `1 / (1 − rate)`, so that the expectation stays the same.
///
/// Dropout is not applied in evaluation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    rate: f64,
}

impl Dropout {
    /// Creates dropout of a share `rate` of the elements, `0 ≤ rate < 1`.
    ///
    /// # Panics
    ///
    /// If the rate is not within these bounds.
    #[track_caller]
    #[must_use]
    pub fn new(rate: f64) -> Self {
        assert!(
            (0.0..1.0).contains(&rate),
            "a dropout rate is at least 0 and less than 1, not {rate}"
        );
        Self { rate }
    }

    /// Applies a random mask to `x`.
    #[track_caller]
    #[must_use]
    pub fn apply<'t, T: Scalar>(&self, rng: &mut impl Rng, x: Var<'t, T>) -> Var<'t, T> {
        match self.mask(rng, x.shape()) {
            Some(mask) => x * &mask,
            None => x,
        }
    }

    /// Draws a mask of 0 and `1 / (1 − rate)`; `None` if nothing is dropped.
    pub(crate) fn mask<T: Scalar>(&self, rng: &mut impl Rng, shape: Shape) -> Option<Tensor<T>> {
        if self.rate == 0.0 {
            return None;
        }
        let keep = 1.0 - self.rate;
        let mut mask = Tensor::bernoulli(shape, keep, rng);
        mask *= 1.0 / keep;
        Some(mask)
    }
}
