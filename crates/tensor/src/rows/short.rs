//! Functions of short rows. Of the operands in a phase over matrices, some are one row that all rows
//! of a chunk share, and some one number for each row. The loops here read such operands in place,
//! in whole vectors.

use super::blocking::{VECTOR, are_short_vectors};
use super::chunk::Chunk;
use super::op::{MulKind, RowOp};
use super::operand::Over;
use crate::cpu::simd::vectorize;
use crate::kernels::arithmetic::chain_mul;
use crate::kernels::binary::Binary;
use crate::scalar::Scalar;

impl<T: Scalar> Chunk<'_, T> {
    /// Runs a sum, a difference, a product or a `MulAdd` on short rows. (`MulMulAdd` calls its loop
    /// itself.) It is a function of its own, since the compiler vectorises small functions better.
    ///
    /// # Safety
    ///
    /// As for [`run`](Self::run). The rows are [short vectors](are_short_vectors).
    #[inline(never)]
    pub(super) unsafe fn run_short(&self, op: &RowOp<T>) {
        macro_rules! run {
            ($sources:expr, $y:expr, |$($x:ident),+| $value:expr) => {
                // SAFETY: the caller's contract.
                unsafe { self.over($sources, $y) }.short_rows(
                    #[inline(always)]
                    |[$($x),+]| $value,
                )
            };
        }
        vectorize(
            #[inline(always)]
            move || match *op {
                RowOp::Binary(Binary::Add, x, y) => run!(x, y, |a, b| a + b),
                RowOp::Binary(Binary::Sub, x, y) => run!(x, y, |a, b| a - b),
                RowOp::Binary(Binary::Mul, x, y) => run!(x, y, |a, b| a * b),
                RowOp::Binary(Binary::ChainMul, x, y) => {
                    run!(x, y, |a, b| chain_mul(a, b));
                }
                RowOp::MulAdd(MulKind::Plain, x, y) => {
                    run!(x, y, |a, b, c| a * b + c);
                }
                RowOp::MulAdd(MulKind::Chain, x, y) => {
                    run!(x, y, |a, b, c| chain_mul(a, b) + c);
                }
                _ => unreachable!("an operation without a loop for short rows"),
            },
        );
    }
}

impl<T: Scalar, const N: usize> Over<'_, T, N> {
    /// Whether the rows are [short vectors](are_short_vectors), and not all one long row.
    #[inline(always)]
    pub(super) fn has_short_rows(&self) -> bool {
        self.rows > 1 && are_short_vectors(self.columns)
    }

    /// Applies a function row by row, in whole vectors.
    #[inline(always)]
    fn short_rows(&self, f: impl Fn([T; N]) -> T) {
        let mut columns = 0; // a bit for each source of one column
        for (place, source) in self.sources.iter().enumerate() {
            columns |= usize::from(source.is_column) << place;
        }
        match columns {
            0 => self.short_rows_of::<0>(f),
            1 => self.short_rows_of::<1>(f),
            2 => self.short_rows_of::<2>(f),
            3 => self.short_rows_of::<3>(f),
            4 => self.short_rows_of::<4>(f),
            5 => self.short_rows_of::<5>(f),
            6 => self.short_rows_of::<6>(f),
            7 => self.short_rows_of::<7>(f),
            _ => unreachable!("there are at most three sources"),
        }
    }

    /// Applies a function to [short rows](Self::has_short_rows), with a bit of `COLUMNS` for each
    /// source of one column.
    #[inline(always)]
    pub(super) fn short_rows_of<const COLUMNS: usize>(&self, f: impl Fn([T; N]) -> T) {
        debug_assert!(are_short_vectors(self.columns), "whole vectors");
        let is_column = |source: usize| COLUMNS >> source & 1 == 1;
        for row in 0..self.rows {
            // SAFETY: the contract of `Over`.
            let y = unsafe { self.target.row_mut(row, self.columns) };
            let mut x = [[T::zero(); VECTOR]; N];
            for (source, x) in x.iter_mut().enumerate() {
                if is_column(source) {
                    // SAFETY: the contract of `Over`.
                    *x = [unsafe { self.sources[source].first(row) }; VECTOR];
                }
            }
            for (vector, y) in y.as_chunks_mut::<VECTOR>().0.iter_mut().enumerate() {
                for (source, x) in x.iter_mut().enumerate() {
                    if !is_column(source) {
                        // SAFETY: the contract of `Over`.
                        *x = unsafe { *self.sources[source].lanes(row, vector * VECTOR) };
                    }
                }
                let mut values = [T::zero(); VECTOR];
                for lane in 0..VECTOR {
                    let mut elements = [T::zero(); N];
                    for source in 0..N {
                        elements[source] = x[source][lane];
                    }
                    values[lane] = f(elements);
                }
                *y = values;
            }
        }
    }
}
