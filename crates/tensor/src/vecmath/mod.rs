//! Elementary functions that vectorise.
//!
//! A call of a function of `std` keeps a loop from being vectorised. These functions are
//! branch-free arithmetic, inlined into the loop. They are methods of [`Math`], which
//! [`vectorize_math`](crate::cpu::simd::vectorize_math) passes to the loop. A result depends on its
//! argument alone: not on its position in the slice, the slice's length, or the width of the
//! registers.
//!
//! NaN gives NaN. Subnormal arguments and results are not flushed to zero. The error bounds in the
//! functions' documentation hold for both types, with FMA and without.
//!
//! The table lists the largest errors seen, in units in the last place of the exact result. They
//! are over all `f32`s (the ignored tests) and 15 million `f64`s; for `expm1` and `log1p`, over
//! every 61st `f32` and 40 thousand `f64`s.
//!
//! |            | `f32` | `f64` |
//! |------------|-------|-------|
//! | `exp`      | 0.979 | 0.970 |
//! | `expm1`    | 1.41  | 1.70  |
//! | `ln`       | 0.840 | 0.839 |
//! | `log1p`    | 1.22  | 1.12  |
//! | `tanh`     | 2.43  | 2.51  |
//! | `erf`      | 1.32  | 1.33  |
//! | `sigmoid`  | 2.41  | 2.34  |
//! | `softplus` | 1.68  | 1.68  |

mod bits;
mod erf;
mod exp;
mod lane;
mod ln;
mod sigmoid;
mod tanh;
#[cfg(test)]
mod tests;

pub(crate) use lane::Lane;
pub(crate) use sigmoid::sigmoid_of_tail;

use crate::cpu::simd::Math;

impl Math {
    /// `Σ c_i x^i`, constant term first, by Horner's rule.
    #[inline(always)]
    fn polynomial<T: Lane>(self, x: T, coefficients: &[T]) -> T {
        let (&last, rest) = coefficients.split_last().expect("a polynomial has a term");
        rest.iter().rev().fold(last, |sum, &c| self.mul_add(sum, x, c))
    }
}
