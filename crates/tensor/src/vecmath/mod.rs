//! Elementary functions that vectorise.
//!
//! `std`'s are calls that take one number; a loop over them cannot be vectorised. These are plain
//! arithmetic without branches, inlined into the loop by [`simd::vectorize`], which hands out the
//! [`Math`] that they are methods of. A lane's result depends on nothing but its input: not on its
//! place in the slice, the slice's length or the width of the registers.
//!
//! The bounds that the functions state hold for `f32` and `f64`, with FMA and without; one ULP is
//! the distance between the two numbers of the type that enclose the exact result. Ignored tests
//! sweep all `f32`s. The largest errors seen, in ULP:
//!
//! NaN gives NaN in each. Subnormal arguments and results are exact to the bounds, not flushed.

mod bits;
mod exp;
mod lane;
mod ln;
mod sigmoid;
mod tanh;
#[cfg(test)]
mod tests;

pub(crate) use lane::Lane;

use crate::simd::{self, Math};

impl Math {
    /// `Σ c_i x^i`, constant term first, by Horner's rule.
    #[inline(always)]
    fn polynomial<T: Lane>(self, x: T, coefficients: &[T]) -> T {
        let (&last, rest) = coefficients.split_last().expect("a polynomial has a term");
        rest.iter().rev().fold(last, |sum, &c| self.mul_add(sum, x, c))
    }
}

/// The functions over slices: `y ← f(x)`.
macro_rules! kernels {
    ($($name:ident),*) => {$(
        #[doc = concat!("`y ← ", stringify!($name), "(x)`; see [`Math::", stringify!($name), "`].")]
        ///
        /// # Panics
        ///
        /// If the slices are not of the same length.
        pub(crate) fn $name<T: Lane>(x: &[T], y: &mut [T]) {
            assert_eq!(x.len(), y.len(), "a result must be as long as its argument");
            simd::vectorize_math(#[inline(always)] |math| {
                for (y, &x) in y.iter_mut().zip(x) {
                    *y = math.$name(x);
                }
            });
        }
    )*};
}

kernels!(exp, ln, tanh, sigmoid, softplus);
