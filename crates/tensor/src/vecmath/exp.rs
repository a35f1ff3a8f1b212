//! `e^x` and `e^x - 1`, and the parts of `e^x - 1` from which the hyperbolic tangent is computed.

use super::lane::Lane;
use crate::cpu::simd::Math;

impl Math {
    /// `e^x`, within 1 ULP.
    ///
    /// Overflows to infinity and underflows gradually, through the subnormal numbers, to zero.
    #[inline(always)]
    pub(crate) fn exp<T: Lane>(self, x: T) -> T {
        // NaN fails both comparisons and stays.
        let (zero, infinite) = T::EXP_RANGE;
        let x = if x < zero { zero } else { x };
        let x = if x > infinite { infinite } else { x };

        let (shifted, p) = self.expm1_parts(x);
        let [a, b] = T::pow2_halves(shifted);
        // One rounding, and a second at `· b` if the result is subnormal.
        self.mul_add(a, p, a) * b
    }

    /// `e^x - 1`, within 2 ULP down to the smallest `x`; `expm1(-0) = -0`.
    #[inline(always)]
    pub(crate) fn expm1<T: Lane>(self, x: T) -> T {
        // NaN fails both comparisons and stays.
        let (zero, infinite) = T::EXP_RANGE;
        let bounded = if x < zero { zero } else { x };
        let bounded = if bounded > infinite { infinite } else { bounded };

        let (shifted, p) = self.expm1_parts(bounded);
        let [a, b] = T::pow2_halves(shifted);
        let power = a * b;
        let near = self.mul_add(power, p, power - T::one());
        // Near overflow, `power` may be infinite although `e^x` is not. There, subtracting 1
        // changes nothing.
        let far = self.mul_add(a, p, a) * b;
        (if bounded > T::TANH_ONE + T::TANH_ONE { far } else { near }).copysign(x)
    }

    /// `(SHIFT + n, p)` with an integer `n` and `e^x = 2^n (1 + p)`. Here `p = e^r - 1` for the
    /// remainder `r = x - n ln 2`, at most `½ ln 2` in magnitude.
    ///
    /// Cody & Waite, "Software Manual for the Elementary Functions" (1980): `ln 2` is subtracted in
    /// two pieces, the first without error. `p` keeps its relative accuracy down to `x = 0`.
    #[inline(always)]
    pub(super) fn expm1_parts<T: Lane>(self, x: T) -> (T, T) {
        let shifted = self.mul_add(x, T::LOG2_E(), T::SHIFT);
        let n = shifted - T::SHIFT;
        let r = self.mul_add(n, -T::LN_2_HI, x);
        let r = self.mul_add(n, -T::LN_2_LO, r);
        let q = self.polynomial(r, T::EXPM1);
        (shifted, self.mul_add(r * r, q, r))
    }
}
