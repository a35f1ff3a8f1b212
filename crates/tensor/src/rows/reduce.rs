//! Reductions of a chunk along the axes on which the target is broadcast.

use super::chunk::Chunk;
use super::op::{MulKind, Reduction};
use super::sums;
use crate::cpu::simd::Math;
use crate::kernels::arithmetic::{larger, smaller};
use crate::scalar::Scalar;

/// A way to combine the elements of `N` arrays into one.
trait Fold<T, const N: usize>: Copy {
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
struct SumFold;

impl<T: Scalar> Fold<T, 1> for SumFold {
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
struct DotFold<const CHAIN: bool>(Math);

impl<const CHAIN: bool> DotFold<CHAIN> {
    #[inline(always)]
    fn mul_add<T: Scalar>(self, a: T, b: T, sum: T) -> T {
        if CHAIN { self.0.chain_mul_add(a, b, sum) } else { self.0.mul_add(a, b, sum) }
    }
}

impl<T: Scalar, const CHAIN: bool> Fold<T, 2> for DotFold<CHAIN> {
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
struct NormFold(Math);

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
struct ExtremumFold<const LARGEST: bool>;

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

impl<T: Scalar> Chunk<'_, T> {
    /// Reduces the elements of an array by a [`Reduction`].
    ///
    /// # Safety
    ///
    /// As for [`run`](Self::run).
    #[inline(always)]
    pub(super) unsafe fn reduce(&self, reduction: Reduction, x: usize, y: usize) {
        // SAFETY: the caller's contract.
        unsafe {
            match reduction {
                Reduction::Sum => self.fold([x], y, SumFold),
                Reduction::Norm => self.fold([x], y, NormFold(self.math)),
                Reduction::Max => self.fold([x], y, ExtremumFold::<true>),
                Reduction::Min => self.fold([x], y, ExtremumFold::<false>),
            }
        }
    }

    /// Sums the products of two arrays.
    ///
    /// # Safety
    ///
    /// As for [`run`](Self::run).
    #[inline(always)]
    pub(super) unsafe fn dot(&self, kind: MulKind, x: [usize; 2], y: usize) {
        // SAFETY: the caller's contract.
        unsafe {
            match kind {
                MulKind::Plain => self.fold(x, y, DotFold::<false>(self.math)),
                MulKind::Chain => self.fold(x, y, DotFold::<true>(self.math)),
            }
        }
    }

    /// Folds the elements of arrays into the target, along the axes on which it is broadcast.
    ///
    /// # Safety
    ///
    /// As for [`run`](Self::run).
    #[inline(always)]
    unsafe fn fold<const N: usize>(&self, x: [usize; N], y: usize, fold: impl Fold<T, N>) {
        let target = &self.operands[y];
        // SAFETY: the caller's contract.
        unsafe {
            match (target.is_row, target.is_column) {
                (_, true) => self.fold_rows(x, y, fold),
                (true, false) => self.fold_columns(x, y, fold),
                (false, false) => self.fold_groups(x, y, fold),
            }
        }
    }

    /// Folds each row to one number, or all rows to one.
    ///
    /// # Safety
    ///
    /// As for [`run`](Self::run).
    #[inline(always)]
    unsafe fn fold_rows<const N: usize>(&self, x: [usize; N], y: usize, fold: impl Fold<T, N>) {
        let target = &self.operands[y];
        let begins = target.begins && self.start.1 == 0;
        let is_one_row = target.is_row && self.is_gapless(x);
        let (rows, columns) =
            if is_one_row { (1, self.rows * self.columns) } else { (self.rows, self.columns) };
        for row in 0..rows {
            // SAFETY: the caller's contract; the target is no source.
            let (x, y) = unsafe { (self.rows_of(x, row, columns), target.row_mut(row, 1)) };
            let part = fold.of_row(x);
            let begins = begins && !(target.is_row && self.start.0 + row > 0);
            y[0] = if begins { part } else { fold.join(y[0], part) };
        }
    }

    /// Folds all rows to one row.
    ///
    /// # Safety
    ///
    /// As for [`run`](Self::run).
    #[inline(always)]
    unsafe fn fold_columns<const N: usize>(&self, x: [usize; N], y: usize, fold: impl Fold<T, N>) {
        let target = &self.operands[y];
        // SAFETY: the caller's contract; the target is no source.
        unsafe {
            let y = target.row_mut(0, self.columns);
            if target.begins && self.start.0 == 0 {
                y.fill(fold.identity());
            }
            let (wide, rest) = y.as_chunks_mut::<64>();
            let (narrow, rest) = rest.as_chunks_mut::<16>();
            let mut column = 0;
            for y in wide {
                self.fold_lanes(x, column, y, fold);
                column += 64;
            }
            for y in narrow {
                self.fold_lanes(x, column, y, fold);
                column += 16;
            }
            for y in rest {
                self.fold_lanes(x, column, std::array::from_mut(y), fold);
                column += 1;
            }
        }
    }

    /// Folds `L` columns of all rows, from `column` on. The results stay in registers meanwhile.
    ///
    /// # Safety
    ///
    /// As for [`run`](Self::run).
    #[inline(always)]
    unsafe fn fold_lanes<const N: usize, const L: usize>(
        &self,
        arrays: [usize; N],
        column: usize,
        y: &mut [T; L],
        fold: impl Fold<T, N>,
    ) {
        let (mut lanes, none) = (*y, [T::zero(); L]);
        for row in 0..self.rows {
            let mut x = [&none; N];
            for (x, array) in x.iter_mut().zip(arrays) {
                // SAFETY: the caller's contract.
                *x = unsafe { self.operands[array].lanes(row, column) };
            }
            for lane in 0..L {
                let mut elements = [T::zero(); N];
                for i in 0..N {
                    elements[i] = x[i][lane];
                }
                lanes[lane] = fold.add(lanes[lane], elements);
            }
        }
        *y = lanes;
    }

    /// Folds the chunk into the results for the groups before, element by element.
    ///
    /// # Safety
    ///
    /// As for [`run`](Self::run).
    #[inline(always)]
    unsafe fn fold_groups<const N: usize>(&self, x: [usize; N], y: usize, fold: impl Fold<T, N>) {
        let target = &self.operands[y];
        for row in 0..self.rows {
            // SAFETY: the caller's contract; the target is no source.
            let (x, y) =
                unsafe { (self.rows_of(x, row, self.columns), target.row_mut(row, self.columns)) };
            if target.begins {
                y.fill(fold.identity());
            }
            for column in 0..y.len() {
                let mut elements = [T::zero(); N];
                for i in 0..N {
                    elements[i] = x[i][column];
                }
                y[column] = fold.add(y[column], elements);
            }
        }
    }
}
