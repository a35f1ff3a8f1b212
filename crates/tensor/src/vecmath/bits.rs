//! Powers of two, taken from and put into the bits of a number.

use num_traits::Float;

/// The exponent of a floating-point number, in arithmetic that vectorises: shifts, sums and masks
/// of integers as wide as the number, and no conversions.
pub trait Bits: Float {
    /// Added to a small `x`, rounds it to an integer `n` and leaves the biased exponent of `2^n`
    /// in the lowest bits of the sum.
    const SHIFT: Self;
    /// `2^k` that makes a normal number of every subnormal one, and `k`.
    const RAISE: (Self, Self);

    /// `2^n` for `shifted = SHIFT + n`, where `2^n` is a normal number.
    #[must_use]
    fn pow2(shifted: Self) -> Self;

    /// Two normal numbers whose product is `2^n` for `shifted = SHIFT + n`, where `2^n` itself may
    /// be too small or too large.
    #[must_use]
    fn pow2_halves(shifted: Self) -> [Self; 2];

    /// `[m, k]` with `self = m · 2^k` and `√½ ≤ m < √2`, for a positive normal number.
    #[must_use]
    fn mantissa_and_exponent(self) -> [Self; 2];
}

macro_rules! bits {
    ($t:ident, $bits:ident) => {
        const _: () = {
            /// The position of the exponent's field, and the exponent that stands for `2^0`.
            const FIELD: u32 = $t::MANTISSA_DIGITS - 1;
            const BIAS: $bits = (1.0 as $t).to_bits() >> FIELD;
            /// `2^FIELD`, where neighbouring numbers are one apart.
            const UNIT: $t = 1.0 / $t::EPSILON;

            impl Bits for $t {
                const SHIFT: $t = 1.5 * UNIT + BIAS as $t;
                const RAISE: ($t, $t) = (UNIT, FIELD as $t);

                #[inline(always)]
                fn pow2(shifted: $t) -> $t {
                    $t::from_bits(shifted.to_bits() << FIELD)
                }

                #[inline(always)]
                fn pow2_halves(shifted: $t) -> [$t; 2] {
                    // The low bits of `sum` are those of ⌊n/2⌋ + BIAS and ⌈n/2⌉ + BIAS together.
                    let sum = shifted.to_bits().wrapping_add(BIAS);
                    let floor = (sum << (FIELD - 1)) & $t::INFINITY.to_bits();
                    let ceil = (sum << FIELD).wrapping_sub(floor);
                    [$t::from_bits(floor), $t::from_bits(ceil)]
                }

                #[inline(always)]
                fn mantissa_and_exponent(self) -> [$t; 2] {
                    const SQRT_HALF: $bits = std::$t::consts::FRAC_1_SQRT_2.to_bits();
                    // Moved so that the exponent's field steps at √½ and √2, not at 1 and 2.
                    let moved = self.to_bits().wrapping_add((1.0 as $t).to_bits() - SQRT_HALF);
                    let mantissa = (moved & ((1 << FIELD) - 1)) + SQRT_HALF;
                    // The lowest bits of UNIT make a float of an integer: AVX2 has no instruction
                    // that converts one of 64 bits.
                    let exponent = $t::from_bits((moved >> FIELD) | UNIT.to_bits());
                    [$t::from_bits(mantissa), exponent - (UNIT + BIAS as $t)]
                }
            }
        };
    };
}

bits!(f32, u32);
bits!(f64, u64);
