//! The hyperbolic tangent.

use super::lane::Lane;
use crate::cpu::simd::Math;

impl Math {
    /// `tanh x`, within 3 ULP down to the smallest `x`; exactly odd, so `tanh(-0) = -0`.
    ///
    /// Computed as `tanh |x| = e / (e + 2)` with `e = e^2|x| - 1`, which has no cancellation.
    #[inline(always)]
    pub(crate) fn tanh<T: Lane>(self, x: T) -> T {
        let magnitude = x.abs();
        // NaN fails the comparison and stays.
        let magnitude = if magnitude > T::TANH_ONE { T::TANH_ONE } else { magnitude };

        let (shifted, p) = self.expm1_parts(magnitude + magnitude);
        let power = T::pow2(shifted);
        let one = T::one();
        let e = self.mul_add(power, p, power - one);
        (e / (e + (one + one))).copysign(x)
    }
}
