//! Powers of two, taken from and put into the bits of a number.

use num_traits::Float;

/// The exponent of a floating-point number, by arithmetic that vectorises: shifts, sums and masks
/// of integers of the same width, without conversions.
pub trait Bits: Float {
    /// The constant that rounds: `SHIFT + x` rounds a small `x` to an integer `n`. The lowest bits
    /// of the sum are the biased exponent of `2^n`.
    const SHIFT: Self;
    /// A power `2^k` whose product with any subnormal number is normal, and `k`.
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
                    // An offset makes the exponent's field step at √½ and √2 rather than at 1 and
                    // 2.
                    let moved = self.to_bits().wrapping_add((1.0 as $t).to_bits() - SQRT_HALF);
                    let mantissa = (moved & ((1 << FIELD) - 1)) + SQRT_HALF;
                    // Setting the lowest bits of UNIT converts an integer to a float. AVX2 has no
                    // such instruction for 64 bits.
                    let exponent = $t::from_bits((moved >> FIELD) | UNIT.to_bits());
                    [$t::from_bits(mantissa), exponent - (UNIT + BIAS as $t)]
                }
            }
        };
    };
}

bits!(f32, u32);
bits!(f64, u64);
