//! The logistic function and its integral.

use num_traits::Float;

use super::lane::Lane;
use crate::cpu::simd::Math;

impl Math {
    /// The logistic function `1 / (1 + e^-x)`, within 3 ULP.
    ///
    /// Computed from its [tail](Self::sigmoid_tail), so that a saved tail gives the same bits.
    #[inline(always)]
    pub(crate) fn sigmoid<T: Lane>(self, x: T) -> T {
        sigmoid_of_tail(self.sigmoid_tail(x))
    }

    /// The tail of the logistic function, within 3 ULP: `σ(x)` for negative `x`, else `σ(x) - 1`.
    /// The sign bit is set in the second case.
    ///
    /// The magnitude is `e^-|x| / (1 + e^-|x|)`, which keeps its relative accuracy until `e^-|x|` itself
    /// underflows. So does the derivative `|s| (1 - |s|)`.
    #[inline(always)]
    pub(crate) fn sigmoid_tail<T: Lane>(self, x: T) -> T {
        let z = self.exp(-x.abs());
        let magnitude = z / (T::one() + z);
        if x < T::zero() { magnitude } else { -magnitude }
    }

    /// `ln(1 + e^x)`, within 2 ULP.
    ///
    /// Computed as `max(x, 0) + ln(1 + e^-|x|)`, which does not overflow, and decays as `e^x` for
    /// `x < 0`.
    #[inline(always)]
    pub(crate) fn softplus<T: Lane>(self, x: T) -> T {
        let one = T::one();
        let half = one / (one + one);
        let z = self.exp(-x.abs());
        // 1 + z = (1 + f) 2^k with 1 + f in [√½, √2]. Here z ≤ 1, so k is 0 or 1.
        let double = z > T::SQRT_2() - one;
        let f = if double { (z - one) * half } else { z };
        let k = if double { one } else { T::zero() };
        let tail = self.ln_parts(f, k);
        if x > T::zero() { x + tail } else { tail }
    }
}

/// The logistic function from its tail: [`Unary::SigmoidOfTail`](crate::Unary::SigmoidOfTail).
#[inline(always)]
pub(crate) fn sigmoid_of_tail<T: Float>(tail: T) -> T {
    if tail.is_sign_negative() { tail + T::one() } else { tail }
}
