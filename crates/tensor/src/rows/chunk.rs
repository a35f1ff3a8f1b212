//! The operations of a phase, on the rows and columns of one chunk.

use smallvec::SmallVec;

use super::kernel::Kernel;
use super::op::{MulKind, Reduction, RowOp};
use super::operand::{Operand, Over};
use crate::cpu::simd::Math;
use crate::kernels::arithmetic::chain_mul;
use crate::scalar::Scalar;

/// A chunk: some rows of a block, and some columns of a phase.
pub(super) struct Chunk<'a, T> {
    pub(super) math: Math,
    pub(super) operands: &'a [Operand<T>],
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// The first row and column in the group.
    pub(super) start: (usize, usize),
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
                RowOp::Binary(f, sources, y) => {
                    let over = self.over(sources, y);
                    if over.has_short_rows() && op.has_short_loop() {
                        self.run_short(op);
                    } else {
                        f.run(over);
                    }
                }
                RowOp::MulAdd(kind, sources, y) => {
                    let over = self.over(sources, y);
                    match kind {
                        _ if over.has_short_rows() => self.run_short(op),
                        MulKind::Plain => over.mul_add(
                            #[inline(always)]
                            |a, b| a * b,
                        ),
                        MulKind::Chain => over.mul_add(chain_mul),
                    }
                }
                RowOp::MulMulAdd(kind, sources, y) => self.mul_mul_add(kind, sources, y),
                RowOp::Select(sources, y) => self.over(sources, y).select(),
                RowOp::Call(_, ref kernel, ref sources, y) => self.call(kernel, sources, y),
                RowOp::Reduce(reduction, x, y) => self.reduce(reduction, x, y),
                RowOp::Dot(kind, x, y) | RowOp::AddProducts(kind, x, y) => self.dot(kind, x, y),
                RowOp::AddRows(x, y) => self.reduce(Reduction::Sum, x, y),
            }
        }
    }

    /// Runs a kernel row by row, or once if the rows of all arrays are contiguous.
    ///
    /// # Safety
    ///
    /// As for [`run_phases`](super::block::run_phases).
    unsafe fn call(&self, kernel: &Kernel<T>, sources: &[usize], target: usize) {
        let is_gapless = self.is_gapless(sources) && self.is_gapless(&[target]);
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

    /// The first columns of one row of each of several arrays.
    ///
    /// # Safety
    ///
    /// These elements may be read, and no thread writes them meanwhile.
    #[inline(always)]
    pub(super) unsafe fn rows_of<'a, const N: usize>(
        &self,
        arrays: [usize; N],
        row: usize,
        columns: usize,
    ) -> [&'a [T]; N] {
        let mut rows = [&[][..]; N];
        for (row_of_array, array) in rows.iter_mut().zip(arrays) {
            // SAFETY: the caller's contract.
            *row_of_array = unsafe { self.operands[array].row(row, columns) };
        }
        rows
    }

    /// Whether the rows of all these arrays form one long row, which has all columns.
    #[inline(always)]
    pub(super) fn is_gapless(&self, arrays: &[usize]) -> bool {
        let mut is_gapless = true;
        for &array in arrays {
            let operand = &self.operands[array];
            is_gapless &= operand.is_gapless && !operand.is_column;
        }
        is_gapless
    }

    /// A loop over the rows. They are treated as one long row if no array has gaps between rows.
    ///
    /// # Safety
    ///
    /// As for [`run_phases`](super::block::run_phases), for as long as the loop lives. The target
    /// is no source.
    #[inline(always)]
    pub(super) unsafe fn over<const N: usize>(
        &self,
        sources: [usize; N],
        target: usize,
    ) -> Over<'_, T, N> {
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
