//! The operations of a phase, on the rows and columns of one chunk.

use smallvec::SmallVec;

use super::kernel::Kernel;
use super::op::{MulKind, Reduction, RowOp};
use super::operand::{Operand, Over};
use super::sums;
use crate::cpu::simd::Math;
use crate::kernels::arithmetic::{chain_mul, larger, smaller};
use crate::scalar::Scalar;

/// A chunk: some rows of a block, and some columns of a phase.
pub(super) struct Chunk<'a, T> {
    pub(super) math: Math,
    pub(super) operands: &'a [Operand<T>],
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Whether these are the first columns.
    pub(super) is_first: bool,
}

impl<T: Scalar> Chunk<'_, T> {
    /// Runs one operation.
    ///
    /// # Safety
    ///
    /// As for [`run_phases`](super::block::run_phases).
    #[inline(always)]
    pub(super) unsafe fn run(&self, op: &RowOp<T>) {
        // SAFETY: the caller's contract.
        unsafe {
            match *op {
                RowOp::Unary(f, x, y) => f.run(self.math, self.over([x], y)),
                RowOp::Binary(f, sources, y) => f.run(self.over(sources, y)),
                RowOp::MulAdd(MulKind::Plain, sources, y) => self.over(sources, y).mul_add(
                    #[inline(always)]
                    |a, b| a * b,
                ),
                RowOp::MulAdd(MulKind::Chain, sources, y) => {
                    self.over(sources, y).mul_add(chain_mul);
                }
                RowOp::Select(sources, y) => self.over(sources, y).select(),
                RowOp::Call(_, ref kernel, ref sources, y) => self.call(kernel, sources, y),
                RowOp::Reduce(reduction, x, y) => self.reduce(reduction, x, y),
                RowOp::Dot(MulKind::Plain, x, y) => self.sum_products(
                    x,
                    y,
                    #[inline(always)]
                    |a, b, sum| self.math.mul_add(a, b, sum),
                ),
                RowOp::Dot(MulKind::Chain, x, y) => self.sum_products(
                    x,
                    y,
                    #[inline(always)]
                    |a, b, sum| self.math.chain_mul_add(a, b, sum),
                ),
                RowOp::AddRows(x, y) => self.add_rows(
                    [x],
                    y,
                    #[inline(always)]
                    |y, [x]| y.iter_mut().zip(x).for_each(|(y, &x)| *y += x),
                ),
                RowOp::AddProducts(MulKind::Plain, x, y) => self.add_products(
                    x,
                    y,
                    #[inline(always)]
                    |a, b, sum| self.math.mul_add(a, b, sum),
                ),
                RowOp::AddProducts(MulKind::Chain, x, y) => self.add_products(
                    x,
                    y,
                    #[inline(always)]
                    |a, b, sum| self.math.chain_mul_add(a, b, sum),
                ),
            }
        }
    }

    /// Reduces each row to one number, by a [`Reduction`].
    ///
    /// # Safety
    ///
    /// As for [`run`](Self::run).
    #[inline(always)]
    unsafe fn reduce(&self, reduction: Reduction, x: usize, y: usize) {
        // SAFETY: the caller's contract.
        unsafe {
            match reduction {
                Reduction::Sum => self.reduce_rows(
                    [x],
                    y,
                    #[inline(always)]
                    |[x]| sums::of_row(x),
                    #[inline(always)]
                    |a, b| a + b,
                ),
                Reduction::Norm => self.reduce_rows(
                    [x],
                    y,
                    #[inline(always)]
                    |[x]| sums::norm(self.math, x),
                    #[inline(always)]
                    |a, b| sums::norm(self.math, &[a, b]),
                ),
                Reduction::Max => self.reduce_rows(
                    [x],
                    y,
                    #[inline(always)]
                    |[x]| sums::extremum(x, T::neg_infinity(), larger),
                    larger,
                ),
                Reduction::Min => self.reduce_rows(
                    [x],
                    y,
                    #[inline(always)]
                    |[x]| sums::extremum(x, T::infinity(), smaller),
                    smaller,
                ),
            }
        }
    }

    /// Runs a kernel row by row, or once if the rows of all arrays are contiguous.
    ///
    /// # Safety
    ///
    /// As for [`run_phases`](super::block::run_phases).
    unsafe fn call(&self, kernel: &Kernel<T>, sources: &[usize], target: usize) {
        let is_whole = |&array: &usize| {
            let operand = &self.operands[array];
            operand.is_gapless && !operand.is_column
        };
        let is_gapless = sources.iter().chain([&target]).all(is_whole);
        let (rows, columns) =
            if is_gapless { (1, self.rows * self.columns) } else { (self.rows, self.columns) };
        for row in 0..rows {
            // SAFETY: the caller's contract; the target is no source.
            unsafe {
                let row_of = |&array: &usize| self.operands[array].row(row, columns);
                let inputs: SmallVec<[&[T]; 4]> = sources.iter().map(row_of).collect();
                kernel.run(&inputs, self.operands[target].row_mut(row, columns));
            }
        }
    }

    /// Sums the products of two rows; `add` adds one product.
    ///
    /// # Safety
    ///
    /// As for [`run`](Self::run).
    #[inline(always)]
    unsafe fn sum_products(&self, x: [usize; 2], y: usize, add: impl Fn(T, T, T) -> T + Copy) {
        // SAFETY: the caller's contract.
        unsafe {
            self.reduce_rows(
                x,
                y,
                #[inline(always)]
                |x| sums::of_products(x, add),
                #[inline(always)]
                |a, b| a + b,
            );
        }
    }

    /// Adds the products of two rows to partial sums; `add` adds one product.
    ///
    /// # Safety
    ///
    /// As for [`run`](Self::run).
    #[inline(always)]
    unsafe fn add_products(&self, x: [usize; 2], y: usize, add: impl Fn(T, T, T) -> T) {
        // SAFETY: the caller's contract.
        unsafe {
            self.add_rows(
                x,
                y,
                #[inline(always)]
                |y, [a, b]| {
                    for ((y, &a), &b) in y.iter_mut().zip(a).zip(b) {
                        *y = add(a, b, *y);
                    }
                },
            );
        }
    }

    /// Reduces each row to one number by `of_row`. If a row has several chunks, the result of each
    /// is combined with that of the chunks before.
    ///
    /// # Safety
    ///
    /// As for [`run`](Self::run).
    #[inline(always)]
    unsafe fn reduce_rows<const N: usize>(
        &self,
        x: [usize; N],
        y: usize,
        of_row: impl Fn([&[T]; N]) -> T,
        join: impl Fn(T, T) -> T,
    ) {
        let y = &self.operands[y];
        for row in 0..self.rows {
            // SAFETY: the caller's contract; the target is no source.
            let (x, y) = unsafe { (self.rows_of(x, row), y.row_mut(row, 1)) };
            let part = of_row(x);
            y[0] = if self.is_first { part } else { join(y[0], part) };
        }
    }

    /// Adds every row to one row of partial sums.
    ///
    /// # Safety
    ///
    /// As for [`run`](Self::run).
    #[inline(always)]
    unsafe fn add_rows<const N: usize>(
        &self,
        x: [usize; N],
        y: usize,
        add: impl Fn(&mut [T], [&[T]; N]),
    ) {
        let y = &self.operands[y];
        for row in 0..self.rows {
            // SAFETY: the caller's contract; the target is no source.
            unsafe { add(y.row_mut(0, self.columns), self.rows_of(x, row)) };
        }
    }

    /// One row of each of several arrays of the phase's width.
    ///
    /// # Safety
    ///
    /// The row's elements may be read, and no thread writes them meanwhile.
    #[inline(always)]
    unsafe fn rows_of<'a, const N: usize>(&self, arrays: [usize; N], row: usize) -> [&'a [T]; N] {
        let mut rows = [&[][..]; N];
        for (row_of_array, array) in rows.iter_mut().zip(arrays) {
            // SAFETY: the caller's contract.
            *row_of_array = unsafe { self.operands[array].row(row, self.columns) };
        }
        rows
    }

    /// A loop over the rows. They are treated as one long row if no array has gaps between rows.
    ///
    /// # Safety
    ///
    /// As for [`run_phases`](super::block::run_phases), for as long as the loop lives. The target
    /// is no source.
    #[inline(always)]
    unsafe fn over<const N: usize>(&self, sources: [usize; N], target: usize) -> Over<'_, T, N> {
        let target = &self.operands[target];
        let mut gapless = target.is_gapless;
        // a plain loop, since a closure passed to the standard library would be compiled for the
        // baseline processor
        let mut operands = [target; N];
        for (operand, source) in operands.iter_mut().zip(sources) {
            *operand = &self.operands[source];
            gapless &= operand.is_gapless;
        }
        let (rows, columns) =
            if gapless { (1, self.rows * self.columns) } else { (self.rows, self.columns) };
        Over { sources: operands, target, rows, columns }
    }
}
