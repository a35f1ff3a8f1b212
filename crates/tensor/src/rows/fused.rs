//! Fused sequences of functions of rows.
//!
//! A sequence runs over a few rows at a time, a block, in [`Phase`]s. A phase runs over a part of the block
//! at a time, a chunk, one function after the other. What passes from one function to the next lies in
//! a buffer of [`Lifetime::Chunk`](super::Lifetime::Chunk), which stays in the first-level cache; from one
//! phase to another in one of [`Lifetime::Block`](super::Lifetime::Block).

use std::ops::Range;

use super::address::{Address, Clock, Places};
use super::chunk::{Chunk, Operand};
use super::fetch::Fetch;
use super::kernel::Kernel;
use super::layout::{CHUNK_ELEMENTS, chunk_extents};
use super::run::Workspace;
use super::{Lifetime, View};
use crate::Scalar;
use crate::function::{Binary, Unary};
use crate::simd::{Math, vectorize_math};

/// Functions of rows that are computed chunk by chunk.
#[derive(Clone, Debug)]
pub struct Phase<T> {
    /// The number of columns of what is computed, and of the rows that are summed.
    pub width: usize,
    /// The views that it reads and writes, with this width, or one column.
    pub arrays: Vec<View>,
    /// The functions, in order.
    pub ops: Vec<RowOp<T>>,
}

/// One function of a [`Phase`]. Arrays, named by their index, have the phase's width, or one column
/// that is read for all. A target is none of the function's own sources.
#[derive(Clone, Debug, PartialEq)]
pub enum RowOp<T> {
    /// `y ← f(x)`
    Unary(Unary, usize, usize),
    /// `y ← f(a, b)`
    Binary(Binary, [usize; 2], usize),
    /// `y ← a b + c`, each operation rounded
    MulAdd(MulKind, [usize; 3], usize),
    /// `y ← c ≠ 0 ? a : b`
    Select([usize; 3], usize),
    /// `y ← f(x₀, x₁, ..)`, of arrays that have the phase's width.
    Call(Kernel<T>, Box<[usize]>, usize),
    /// The sum or an extremum of each row of an array, in one column, which later phases may read.
    Reduce(Reduction, usize, usize),
    /// `y ← Σ a b`, the sum of each row, likewise.
    Dot(MulKind, [usize; 2], usize),
    /// `y ← y + x` for every row `x` of an array: `y` is a row of partial sums, see
    /// [`Lifetime::Partial`](super::Lifetime::Partial).
    AddRows(usize, usize),
    /// `y ← y + a b`, likewise.
    AddProducts(MulKind, [usize; 2], usize),
}

/// The kind of product in a sum of products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MulKind {
    /// [`Binary::Mul`]
    Plain,
    /// [`Binary::ChainMul`]
    Chain,
}

/// What becomes of the elements of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// `Σ x`
    Sum,
    /// `√Σ x²`, accurate even if squares of elements overflow or underflow.
    Norm,
    /// The largest; NaN if any is.
    Max,
    /// The smallest; NaN if any is.
    Min,
}

impl Reduction {
    /// The reduction's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Norm => "norm",
            Self::Max => "max",
            Self::Min => "min",
        }
    }
}

impl<T: Scalar> RowOp<T> {
    pub(super) fn target(&self) -> usize {
        match *self {
            Self::Unary(_, _, y)
            | Self::Binary(_, _, y)
            | Self::MulAdd(_, _, y)
            | Self::Select(_, y)
            | Self::Call(_, _, y)
            | Self::Reduce(_, _, y)
            | Self::Dot(_, _, y)
            | Self::AddRows(_, y)
            | Self::AddProducts(_, _, y) => y,
        }
    }

    /// Whether it makes one number of each row.
    fn reduces_rows(&self) -> bool {
        matches!(self, Self::Reduce(..) | Self::Dot(..))
    }

    /// Whether it reads an array of one column for all columns.
    fn reads_columns(&self) -> bool {
        !matches!(self, Self::Call(..)) && !self.reduces_rows() && !self.adds_rows()
    }

    /// Whether it adds up rows.
    pub(super) fn adds_rows(&self) -> bool {
        matches!(self, Self::AddRows(..) | Self::AddProducts(..))
    }

    /// The arrays that it reads.
    pub(super) fn sources(&self) -> &[usize] {
        match self {
            Self::Unary(_, x, _) | Self::Reduce(_, x, _) | Self::AddRows(x, _) => {
                std::slice::from_ref(x)
            }
            Self::Binary(_, x, _) | Self::Dot(_, x, _) | Self::AddProducts(_, x, _) => x,
            Self::MulAdd(_, x, _) | Self::Select(x, _) => x,
            Self::Call(_, x, _) => x,
        }
    }
}

impl<T: Scalar> Phase<T> {
    /// Panics if an index or a width does not fit, or a function writes what it reads.
    pub(super) fn check(&self, lifetime: impl Fn(View) -> Lifetime) {
        for op in &self.ops {
            let target = self.arrays[op.target()];
            let reduces = op.reduces_rows();
            let fits = target.width == if reduces { 1 } else { self.width };
            assert!(
                fits && !(reduces && lifetime(target) == Lifetime::Chunk),
                "{op:?} to {target:?}"
            );
            if reduces {
                // it is done when all chunks are, and may not replace what others of them read
                for &source in self.ops.iter().flat_map(RowOp::sources) {
                    let source = self.arrays[source];
                    assert!(!target.overlaps(source), "{source:?} is reduced in the same phase");
                }
            }
            for &source in op.sources() {
                let source = self.arrays[source];
                let whole = source.width == self.width;
                let is_column = source.width == 1 && lifetime(source) != Lifetime::Chunk;
                let fits = whole || is_column && op.reads_columns();
                assert!(fits && !target.overlaps(source), "{op:?} with {target:?}, {source:?}");
            }
        }
    }

    /// The views that are written.
    pub(super) fn written(&self) -> impl Iterator<Item = View> {
        self.ops.iter().map(|op| self.arrays[op.target()])
    }

    /// Runs the functions on a block, chunk by chunk.
    ///
    /// # Safety
    ///
    /// As for [`run`].
    #[inline(always)]
    unsafe fn run(
        &self,
        math: Math,
        addresses: &[Address<T>],
        clock: Clock,
        (first, rows): (usize, usize),
        operands: &mut Vec<Operand<T>>,
        fetch: &mut Fetch<T>,
    ) {
        // loops without divisions, which take longer than the functions of a few elements
        let (most_rows, most_columns) = match rows.saturating_mul(self.width) {
            ..=CHUNK_ELEMENTS => (rows, self.width),
            _ => chunk_extents(self.width),
        };
        operands.clear();
        for (address, view) in addresses.iter().zip(&self.arrays) {
            let located = address.in_block(clock, first, most_columns);
            operands.push(Operand::new(located, view.width < self.width, most_columns));
        }
        let mut row = 0;
        while row < rows {
            let mut column = 0;
            // once at least, for the sums of rows without columns
            loop {
                if (row, column) != (0, 0) {
                    operands.iter_mut().for_each(|operand| operand.move_to(row, column));
                }
                let columns = most_columns.min(self.width - column);
                let rows = most_rows.min(rows - row);
                let chunk = Chunk { math, operands, rows, columns, is_first: column == 0 };
                for op in &self.ops {
                    // SAFETY: the caller's contract.
                    unsafe { chunk.run(op) };
                    fetch.go_on();
                }
                column += columns;
                if column >= self.width {
                    break;
                }
            }
            row += most_rows;
        }
    }
}

/// Runs phases on some rows, a block at a time.
///
/// # Safety
///
/// The whole program has been checked, with [`Phase::check`]. The operands' addresses, one for each array of
/// each phase, hold these rows of the array's width — those of a block, as many as a block has; those of a chunk, as
/// many elements as a chunk — which may be read, and written by the operations that name them as targets, while nobody else uses
/// them.
pub(super) unsafe fn run<T: Scalar>(
    phases: &[Phase<T>],
    places: &Places<T>,
    clock: Clock,
    rows: Range<usize>,
    workspace: &mut Workspace<T>,
) {
    let Workspace { block_rows, operands, fetch } = workspace;
    let mut first = rows.start;
    while first < rows.end {
        let block = (first, (*block_rows).min(rows.end - first));
        first += block.1;
        fetch.start(&places.written, clock, block, phases);
        let (operands, fetch) = (&mut *operands, &mut *fetch);
        vectorize_math(
            #[inline(always)]
            move |math| {
                let mut rest = &places.operands[..];
                for phase in phases {
                    let own;
                    (own, rest) = rest.split_at(phase.arrays.len());
                    // SAFETY: the caller's contract.
                    unsafe { phase.run(math, own, clock, block, operands, fetch) };
                }
            },
        );
    }
}
