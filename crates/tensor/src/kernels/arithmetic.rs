//! Arithmetic on two elements beyond Rust's operators.

use crate::scalar::Scalar;

/// [`Binary::ChainMul`](crate::Binary::ChainMul)
#[inline(always)]
pub(crate) fn chain_mul<T: Scalar>(x: T, y: T) -> T {
    // `&` rather than `&&`, which would be a branch
    if (x != T::zero()) & (y != T::zero()) { x * y } else { T::zero() }
}

/// [`Binary::ChainDiv`](crate::Binary::ChainDiv)
#[inline(always)]
pub(crate) fn chain_div<T: Scalar>(x: T, y: T) -> T {
    if (x != T::zero()) & !y.is_infinite() { x / y } else { T::zero() }
}

/// The larger of two elements; NaN if either is NaN.
#[inline(always)]
pub(crate) fn larger<T: Scalar>(x: T, y: T) -> T {
    if x > y || x.is_nan() { x } else { y }
}

/// The smaller of two elements; NaN if either is NaN.
#[inline(always)]
pub(crate) fn smaller<T: Scalar>(x: T, y: T) -> T {
    if x < y || x.is_nan() { x } else { y }
}

/// [`Unary::Clamp`](crate::Unary::Clamp)
#[inline(always)]
pub(crate) fn clamp<T: Scalar>(x: T, low: T, high: T) -> T {
    // unlike `max` and `min`, comparisons keep a NaN
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

/// [`Unary::Round`](crate::Unary::Round)
#[inline(always)]
pub(crate) fn round_half_to_even<T: Scalar>(x: T) -> T {
    let half = T::of(0.5);
    // `round` rounds a half away from zero
    if x.fract().abs() == half { (x * half).round() * T::of(2.0) } else { x.round() }
}

/// [`Binary::Rem`](crate::Binary::Rem)
#[inline(always)]
pub(crate) fn remainder<T: Scalar>(x: T, y: T) -> T {
    let r = x % y; // exact, with the sign of x
    let is_other_sign = r != T::zero() && (r < T::zero()) != (y < T::zero());
    r + if is_other_sign { y } else { T::zero() }
}

#[inline(always)]
pub(crate) fn indicator<T: Scalar>(holds: bool) -> T {
    if holds { T::one() } else { T::zero() }
}
