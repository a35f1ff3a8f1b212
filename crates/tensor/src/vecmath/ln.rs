//! The natural logarithm.

use super::lane::Lane;
use crate::cpu::simd::Math;

impl Math {
    /// `ln x`, within 1 ULP.
    ///
    /// `ln 0 = -∞`, `ln ∞ = ∞`; NaN for negative `x`.
    #[inline(always)]
    pub(crate) fn ln<T: Lane>(self, x: T) -> T {
        let (factor, raised) = T::RAISE;
        let subnormal = x < T::min_positive_value();
        let [m, k] = (if subnormal { x * factor } else { x }).mantissa_and_exponent();
        let k = if subnormal { k - raised } else { k };
        let y = self.ln_parts(m - T::one(), k);

        let y = if x == T::zero() { T::neg_infinity() } else { y };
        let y = if x < T::zero() { T::nan() } else { y };
        if x < T::infinity() { y } else { x }
    }

    /// `ln(1 + x)`, within 2 ULP down to the smallest `x`; `log1p(-0) = -0`.
    ///
    /// `-∞` at `x = -1`, and NaN below. The relative rounding error of `1 + x` is added to the
    /// result as a correction.
    #[inline(always)]
    pub(crate) fn log1p<T: Lane>(self, x: T) -> T {
        let (zero, one) = (T::zero(), T::one());
        let sum = one + x;
        let [m, k] = sum.mantissa_and_exponent();
        let is_near = k == zero;
        let lost = if x > one { one - (sum - x) } else { x - (sum - one) };
        let lost = if is_near { zero } else { lost / sum };
        let y = (self.ln_parts(if is_near { x } else { m - one }, k) + lost).copysign(x);

        let y = if sum == zero { T::neg_infinity() } else { y };
        let y = if sum < zero { T::nan() } else { y };
        if x < T::infinity() { y } else { x }
    }

    /// `ln((1 + f) 2^k)` for `√½ - 1 ≤ f ≤ √2 - 1`; keeps its relative accuracy down to `f = 0`.
    ///
    /// With `s = f / (2 + f)`, `ln(1 + f) = ln((1 + s) / (1 - s)) = 2s + s z R(z)` where `z = s²`.
    /// Since `2s = f - s·f` and `s·f = f²/2 - s·f²/2`, that is `f - (f²/2 - s (f²/2 + z R))`. All
    /// rounded terms are small against `f`. (The arrangement of FDLIBM's `e_log.c`, Sun, 1993.)
    #[inline(always)]
    pub(super) fn ln_parts<T: Lane>(self, f: T, k: T) -> T {
        let one = T::one();
        let s = f / (one + one + f);
        let z = s * s;
        let half_square = f * f / (one + one);
        let sum = self.mul_add(z, self.polynomial(z, T::LN), half_square);
        let tail = self.mul_add(s, sum, k * T::LN_2_LO) - half_square;
        self.mul_add(k, T::LN_2_HI, f + tail)
    }
}
