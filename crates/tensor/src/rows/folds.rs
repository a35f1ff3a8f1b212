//! The ways to combine elements in a reduction.

use super::sums;
use crate::cpu::simd::Math;
use crate::kernels::arithmetic::{larger, smaller};
use crate::scalar::Scalar;

/// A way to combine the elements of `N` arrays into one.
pub(super) trait Fold<T, const N: usize>: Copy {
    /// Whether [`join`](Self::join) adds. Short rows of sums have loops of their own.
    const IS_SUM: bool = false;

    /// The result for no elements.
    fn identity(self) -> T;

    /// The result for a row.
    fn of_row(self, row: [&[T]; N]) -> T;

    /// Adds an element of each array to a result.
    fn add(self, result: T, elements: [T; N]) -> T;

    /// Joins the results for two parts.
    fn join(self, a: T, b: T) -> T;
}

/// `Σ x`
#[derive(Clone, Copy)]
pub(super) struct SumFold;

impl<T: Scalar> Fold<T, 1> for SumFold {
    const IS_SUM: bool = true;

    #[inline(always)]
    fn identity(self) -> T {
        T::zero()
    }

    #[inline(always)]
    fn of_row(self, [x]: [&[T]; 1]) -> T {
        sums::of_row(x)
    }

    #[inline(always)]
    fn add(self, sum: T, [x]: [T; 1]) -> T {
        sum + x
    }

    #[inline(always)]
    fn join(self, a: T, b: T) -> T {
        a + b
    }
}

/// `Σ a b`
#[derive(Clone, Copy)]
pub(super) struct DotFold<const CHAIN: bool>(pub(super) Math);

impl<const CHAIN: bool> DotFold<CHAIN> {
    #[inline(always)]
    fn mul_add<T: Scalar>(self, a: T, b: T, sum: T) -> T {
        if CHAIN { self.0.chain_mul_add(a, b, sum) } else { self.0.mul_add(a, b, sum) }
    }
}

impl<T: Scalar, const CHAIN: bool> Fold<T, 2> for DotFold<CHAIN> {
    const IS_SUM: bool = true;

    #[inline(always)]
    fn identity(self) -> T {
        T::zero()
    }

    #[inline(always)]
    fn of_row(self, row: [&[T]; 2]) -> T {
        sums::of_products(
            row,
            #[inline(always)]
            |a, b, sum| self.mul_add(a, b, sum),
        )
    }

    #[inline(always)]
    fn add(self, sum: T, [a, b]: [T; 2]) -> T {
        self.mul_add(a, b, sum)
    }

    #[inline(always)]
    fn join(self, a: T, b: T) -> T {
        a + b
    }
}

/// `√Σ x²`
#[derive(Clone, Copy)]
pub(super) struct NormFold(pub(super) Math);

impl<T: Scalar> Fold<T, 1> for NormFold {
    #[inline(always)]
    fn identity(self) -> T {
        T::zero()
    }

    #[inline(always)]
    fn of_row(self, [x]: [&[T]; 1]) -> T {
        sums::norm(self.0, x)
    }

    #[inline(always)]
    fn add(self, norm: T, [x]: [T; 1]) -> T {
        sums::norm(self.0, &[norm, x])
    }

    #[inline(always)]
    fn join(self, a: T, b: T) -> T {
        sums::norm(self.0, &[a, b])
    }
}

/// The largest element, or else the smallest.
#[derive(Clone, Copy)]
pub(super) struct ExtremumFold<const LARGEST: bool>;

impl<T: Scalar, const LARGEST: bool> Fold<T, 1> for ExtremumFold<LARGEST> {
    #[inline(always)]
    fn identity(self) -> T {
        if LARGEST { T::neg_infinity() } else { T::infinity() }
    }

    #[inline(always)]
    fn of_row(self, [x]: [&[T]; 1]) -> T {
        let identity = Fold::<T, 1>::identity(self);
        sums::extremum(
            x,
            identity,
            #[inline(always)]
            |x, y| self.join(x, y),
        )
    }

    #[inline(always)]
    fn add(self, extremum: T, [x]: [T; 1]) -> T {
        self.join(x, extremum)
    }

    #[inline(always)]
    fn join(self, a: T, b: T) -> T {
        if LARGEST { larger(a, b) } else { smaller(a, b) }
    }
}
