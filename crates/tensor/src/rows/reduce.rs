//! Reductions of a chunk along the axes on which the target is broadcast.

use super::blocking::VECTOR;
use super::chunk::Chunk;
use super::folds::{DotFold, ExtremumFold, Fold, NormFold, SumFold};
use super::op::{MulKind, Reduction};
use crate::cpu::horizontal::sums_of_rows;
use crate::cpu::simd::{Math, vectorize_math};
use crate::scalar::Scalar;

impl<T: Scalar> Chunk<'_, T> {
    /// Reduces the elements of an array by a [`Reduction`]. It is a function of its own, since the
    /// compiler takes long for larger ones.
    ///
    /// # Safety
    ///
    /// As for [`run`](Self::run).
    #[inline(never)]
    pub(super) unsafe fn reduce(&self, reduction: Reduction, x: usize, y: usize) {
        vectorize_math(
            #[inline(always)]
            move |math| {
                // SAFETY: the caller's contract.
                unsafe {
                    match reduction {
                        Reduction::Sum => self.fold(math, [x], y, SumFold),
                        Reduction::Norm => self.fold(math, [x], y, NormFold(math)),
                        Reduction::Max => self.fold(math, [x], y, ExtremumFold::<true>),
                        Reduction::Min => self.fold(math, [x], y, ExtremumFold::<false>),
                    }
                }
            },
        );
    }

    /// Sums the products of two arrays, as a function of its own too.
    ///
    /// # Safety
    ///
    /// As for [`run`](Self::run).
    #[inline(never)]
    pub(super) unsafe fn dot(&self, kind: MulKind, mut x: [usize; 2], y: usize) {
        if self.operands[x[0]].is_column {
            x.swap(0, 1);
        }
        vectorize_math(
            #[inline(always)]
            move |math| {
                // SAFETY: the caller's contract.
                unsafe {
                    match kind {
                        MulKind::Plain => self.fold(math, x, y, DotFold::<false>(math)),
                        MulKind::Chain => self.fold(math, x, y, DotFold::<true>(math)),
                    }
                }
            },
        );
    }

    /// Folds the elements of arrays into the target, along the axes on which it is broadcast.
    ///
    /// # Safety
    ///
    /// As for [`run`](Self::run). The processor has the instruction set of this arithmetic.
    #[inline(always)]
    unsafe fn fold<const N: usize>(
        &self,
        math: Math,
        x: [usize; N],
        y: usize,
        fold: impl Fold<T, N>,
    ) {
        let target = &self.operands[y];
        // SAFETY: the caller's contract.
        unsafe {
            match (target.is_row, target.is_column) {
                (_, true) => self.fold_rows(math, x, y, fold),
                (true, false) => self.fold_columns(x, y, fold),
                (false, false) => self.fold_groups(x, y, fold),
            }
        }
    }

    /// Folds each row to one number, or all rows to one.
    ///
    /// # Safety
    ///
    /// As for [`fold`](Self::fold).
    #[inline(always)]
    unsafe fn fold_rows<const N: usize, F: Fold<T, N>>(
        &self,
        math: Math,
        x: [usize; N],
        y: usize,
        fold: F,
    ) {
        let target = &self.operands[y];
        let is_one_row = target.is_row && self.is_gapless(&x);
        // SAFETY: the caller's contract.
        unsafe {
            match self.columns {
                16 if F::IS_SUM && !is_one_row => self.sum_short_rows::<N, 1>(math, x, y, fold),
                32 if F::IS_SUM && !is_one_row => self.sum_short_rows::<N, 2>(math, x, y, fold),
                columns => {
                    let (rows, columns) =
                        if is_one_row { (1, self.rows * columns) } else { (self.rows, columns) };
                    for row in 0..rows {
                        self.join_row(y, row, fold.of_row(self.rows_of(x, row, columns)), fold);
                    }
                }
            }
        }
    }

    /// Joins the result for a row to the target.
    ///
    /// # Safety
    ///
    /// As for [`run`](Self::run).
    #[inline(always)]
    unsafe fn join_row<const N: usize>(
        &self,
        y: usize,
        row: usize,
        part: T,
        fold: impl Fold<T, N>,
    ) {
        let target = &self.operands[y];
        // SAFETY: the caller's contract; the target is no source.
        let y = unsafe { &mut target.row_mut(row, 1)[0] };
        let is_first = self.start == (0, 0) && row == 0 || self.start.1 == 0 && !target.is_row;
        *y = if target.begins && is_first { part } else { fold.join(*y, part) };
    }

    /// Joins the results for several rows to the target, as [`join_row`](Self::join_row) does. It decides once for all
    /// rows whether the target begins.
    ///
    /// # Safety
    ///
    /// As for [`run`](Self::run).
    #[inline(always)]
    unsafe fn join_rows<const N: usize>(
        &self,
        y: usize,
        first: usize,
        parts: &[T],
        fold: impl Fold<T, N>,
    ) {
        let target = &self.operands[y];
        // SAFETY: the caller's contract; the target is no source.
        unsafe {
            if target.is_row {
                for (row, &part) in (first..).zip(parts) {
                    self.join_row(y, row, part, fold);
                }
            } else if target.begins && self.start.1 == 0 {
                for (row, &part) in (first..).zip(parts) {
                    target.row_mut(row, 1)[0] = part;
                }
            } else {
                for (row, &part) in (first..).zip(parts) {
                    let y = &mut target.row_mut(row, 1)[0];
                    *y = fold.join(*y, part);
                }
            }
        }
    }

    /// Sums each row of `V` vectors.
    ///
    /// # Safety
    ///
    /// As for [`fold`](Self::fold).
    #[inline(always)]
    unsafe fn sum_short_rows<const N: usize, const V: usize>(
        &self,
        math: Math,
        arrays: [usize; N],
        y: usize,
        fold: impl Fold<T, N>,
    ) {
        let mut first = 0;
        while first < self.rows {
            let rows = 8.min(self.rows - first);
            let mut lanes = [[T::zero(); 8]; 8];
            // SAFETY: the caller's contract.
            unsafe {
                if rows == 8 {
                    // a loop of fixed length, which keeps the numbers in registers
                    for (row, lanes) in (first..).zip(&mut lanes) {
                        *lanes = self.lanes_of_row::<N, V>(arrays, row, fold);
                    }
                } else {
                    for (row, lanes) in (first..).zip(&mut lanes[..rows]) {
                        *lanes = self.lanes_of_row::<N, V>(arrays, row, fold);
                    }
                }
                let sums = sums_of_rows(math, &lanes);
                self.join_rows(y, first, &sums[..rows], fold);
            }
            first += rows;
        }
    }

    /// Folds a row of `V` vectors to eight numbers.
    ///
    /// # Safety
    ///
    /// As for [`run`](Self::run).
    #[inline(always)]
    unsafe fn lanes_of_row<const N: usize, const V: usize>(
        &self,
        arrays: [usize; N],
        row: usize,
        fold: impl Fold<T, N>,
    ) -> [T; 8] {
        let none = [[T::zero(); VECTOR]; V];
        let mut x = [&none; N];
        for (x, array) in x.iter_mut().zip(arrays) {
            // SAFETY: the caller's contract.
            *x = unsafe { self.operands[array].vectors(row) };
        }
        let mut lanes = [fold.identity(); VECTOR];
        #[expect(clippy::needless_range_loop, reason = "it indexes the rows of all arrays")]
        for vector in 0..V {
            for lane in 0..VECTOR {
                let mut elements = [T::zero(); N];
                for i in 0..N {
                    elements[i] = x[i][vector][lane];
                }
                lanes[lane] = fold.add(lanes[lane], elements);
            }
        }
        let mut eight = [T::zero(); 8];
        for i in 0..8 {
            eight[i] = fold.join(lanes[i], lanes[i + 8]);
        }
        eight
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
            if self.operands[x[N - 1]].is_column {
                self.fold_columns_to::<N, true>(x, y, fold);
            } else {
                self.fold_columns_to::<N, false>(x, y, fold);
            }
        }
    }

    /// Folds all rows to `y`. The last array has one column if the constant says so.
    ///
    /// # Safety
    ///
    /// As for [`run`](Self::run).
    #[inline(always)]
    unsafe fn fold_columns_to<const N: usize, const IS_COLUMN: bool>(
        &self,
        x: [usize; N],
        y: &mut [T],
        fold: impl Fold<T, N>,
    ) {
        let (wide, rest) = y.as_chunks_mut::<32>();
        let (narrow, rest) = rest.as_chunks_mut::<16>();
        let mut column = 0;
        // SAFETY: the caller's contract.
        unsafe {
            for y in wide {
                self.fold_lanes::<N, 32, IS_COLUMN>(x, column, y, fold);
                column += 32;
            }
            for y in narrow {
                self.fold_lanes::<N, 16, IS_COLUMN>(x, column, y, fold);
                column += 16;
            }
            for y in rest {
                self.fold_lanes::<N, 1, IS_COLUMN>(x, column, std::array::from_mut(y), fold);
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
    unsafe fn fold_lanes<const N: usize, const L: usize, const IS_COLUMN: bool>(
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
            let number = if IS_COLUMN {
                // SAFETY: the caller's contract.
                [unsafe { self.operands[arrays[N - 1]].first(row) }; L]
            } else {
                none
            };
            if IS_COLUMN {
                x[N - 1] = &number;
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
