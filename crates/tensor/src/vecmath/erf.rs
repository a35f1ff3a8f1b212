//! The error function.

use super::lane::Lane;
use crate::cpu::simd::Math;

impl Math {
    /// The error function `2/√π ∫₀ˣ e^-t² dt`, within 2 ULP down to the smallest `x`; exactly odd.
    ///
    /// Computed as `x + x q(x²)` up to 1, and as `1 - e^R(x)` beyond. There the error of the
    /// exponential matters less as `x` grows.
    #[inline(always)]
    pub(crate) fn erf<T: Lane>(self, x: T) -> T {
        let one = T::one();
        let magnitude = x.abs();
        // NaN fails the comparison and stays.
        let magnitude = if magnitude > T::ERF_ONE { T::ERF_ONE } else { magnitude };

        let q = self.polynomial(magnitude * magnitude, T::ERF);
        let near = self.mul_add(magnitude, q, magnitude);
        let far = one - self.exp(self.polynomial(magnitude, T::ERFC));
        (if magnitude > one { far } else { near }).copysign(x)
    }
}
