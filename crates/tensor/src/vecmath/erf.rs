//! The error function.

use super::lane::Lane;
use crate::cpu::simd::Math;

impl Math {
    /// The error function `2/√π ∫₀ˣ e^-t² dt`, within 2 ULP down to the smallest `x`; exactly odd.
    ///
    /// Up to 1 it is `x + x q(x²)`, and beyond `1 - e^R(x)`, whose exponential matters less and
    /// less.
    #[inline(always)]
    pub(crate) fn erf<T: Lane>(self, x: T) -> T {
        let one = T::one();
        let magnitude = x.abs();
        // Written so that NaN passes.
        let magnitude = if magnitude > T::ERF_ONE { T::ERF_ONE } else { magnitude };

        let q = self.polynomial(magnitude * magnitude, T::ERF);
        let near = self.mul_add(magnitude, q, magnitude);
        let far = one - self.exp(self.polynomial(magnitude, T::ERFC));
        (if magnitude > one { far } else { near }).copysign(x)
    }
}
