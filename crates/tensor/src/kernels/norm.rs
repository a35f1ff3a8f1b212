//! Euclidean norms without intermediate overflow or underflow.
//!
//! `√Σ x²` is accurate as long as the squares are normal numbers. Otherwise the elements are scaled
//! by a power of two `s`, such that the largest is near 1: `√Σ (s x)² / s`.

use crate::kernels::arithmetic::larger;
use crate::scalar::Scalar;
use crate::shape::{self, ShapeError};
use crate::tensor::Tensor;

impl<T: Scalar> Tensor<T> {
    #[inline(never)]
    pub(crate) fn norm_rule(
        &self,
        operation: &'static str,
        axes: &[isize],
        keep: bool,
    ) -> Result<Self, ShapeError> {
        let axes = shape::axes(operation, self.shape(), axes)?;
        let kept = shape::reduce(self.shape(), &axes, true);
        let squares = |x: &Self| x.square().sum_along(&axes, kept.clone());
        let plain = squares(self);
        let is_plain = |&sum: &T| is_ordinary(sum);
        let norm = if plain.as_slice().iter().all(is_plain) {
            plain.sqrt()
        } else {
            let largest = self.abs().fold(&axes, kept.clone(), T::zero(), larger);
            let scale = largest.map(scale);
            let scaled = squares(&(self * &scale)).sqrt() / &scale;
            let is_plain = plain.map(|sum| T::of(f64::from(u8::from(is_ordinary(sum)))));
            is_plain.select(plain.sqrt(), scaled)
        };
        Ok(norm.reshape(shape::reduce(self.shape(), &axes, keep)))
    }
}

/// Whether a sum of squares is accurate: it did not overflow, and is too large for underflow to
/// matter.
#[inline(always)]
pub(crate) fn is_ordinary<T: Scalar>(squares: T) -> bool {
    let least = T::min_positive_value() / (T::epsilon() * T::epsilon());
    squares >= least && squares < T::infinity()
}

/// The factor that scales elements of this largest magnitude: a power of two, so that no digits are
/// lost. Elements that are 0, infinite or NaN stay so.
#[inline(always)]
pub(crate) fn scale<T: Scalar>(largest: T) -> T {
    let (least, most) = (T::min_positive_value(), T::max_value() * T::of(0.25));
    let bounded = if largest < least { least } else { largest };
    let bounded = if bounded > most { most } else { bounded };
    let [_, exponent] = bounded.mantissa_and_exponent();
    T::pow2(T::SHIFT - exponent)
}
