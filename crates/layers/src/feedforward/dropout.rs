//! Dropout.

use bptt_autodiff::Var;
use bptt_tensor::{Scalar, Shape, Tensor};
use rand::Rng;

/// Dropout (Srivastava et al. 2014). In training, each element is zeroed with probability `rate`. The others are scaled
/// by `1 / (1 − rate)`, so that the expectation stays the same.
///
/// Each step of a sequence has its own mask, unless the dropout is [locked](Self::locked). Dropout is not applied in
/// evaluation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    rate: f64,
    locked: bool,
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
        Self { rate, locked: false }
    }

    /// Drops the same elements at every step of a sequence `[T, ..]`, by one mask `[..]`. This is the variational
    /// dropout of inputs and outputs (Gal and Ghahramani 2016), or *locked* dropout (Merity, Keskar and Socher 2018).
    ///
    /// [`VariationalDropout`](crate::VariationalDropout) and [`WeightDropout`](crate::WeightDropout) always have one
    /// mask for all steps.
    ///
    /// ```
    /// use bptt_autodiff::Tape;
    /// use bptt_layers::Dropout;
    /// use bptt_tensor::Tensor;
    ///
    /// let tape = Tape::new();
    /// let xs = tape.constant(Tensor::<f32>::ones([20, 2, 8])); // [T, B, F]
    /// let dropped = Dropout::new(0.4).locked().apply(&mut bptt_layers::rng(0), xs);
    /// assert_eq!(dropped.index_first(0).value(), dropped.index_first(19).value());
    /// ```
    #[must_use]
    pub fn locked(self) -> Self {
        Self { locked: true, ..self }
    }

    /// Applies a random mask to `x`. If the dropout is [locked](Self::locked), the first axis of `x` is time.
    ///
    /// # Panics
    ///
    /// If the dropout is locked and `x` has no axis.
    #[track_caller]
    #[must_use]
    pub fn apply<'t, T: Scalar>(&self, rng: &mut impl Rng, x: Var<'t, T>) -> Var<'t, T> {
        match self.mask_of_steps(rng, &x.shape()) {
            Some(mask) => x * &mask,
            None => x,
        }
    }

    /// Draws a mask for a sequence `[T, ..]`. It has the same shape, or `[..]` if the dropout is locked.
    #[track_caller]
    pub(crate) fn mask_of_steps<T: Scalar>(
        &self,
        rng: &mut impl Rng,
        sequence: &Shape,
    ) -> Option<Tensor<T>> {
        if !self.locked {
            return self.mask(rng, sequence.clone());
        }
        assert!(!sequence.is_empty(), "locked dropout: a sequence is [T, ..], not a number");
        self.mask(rng, sequence.without(0))
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
