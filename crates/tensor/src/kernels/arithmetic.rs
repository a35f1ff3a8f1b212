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

#[inline(always)]
pub(crate) fn indicator<T: Scalar>(holds: bool) -> T {
    if holds { T::one() } else { T::zero() }
}
