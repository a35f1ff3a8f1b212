//! Fused sequences of functions of rows.
//!
//! A sequence runs over a few rows at a time, a block, in phases. A phase runs over a part of the block
//! at a time, a chunk, one function after the other. What passes from one function to the next lies in
//! a buffer of [`Span::Chunk`](super::Span::Chunk), which stays in the first-level cache; from one
//! phase to another in one of [`Span::Block`](super::Span::Block).

use super::address::{Address, Clock};
use super::chunk::{Chunk, Operand};
use super::layout::chunk_extents;
use super::run::Workspace;
use super::{Span, View};
use crate::Scalar;
use crate::function::{Binary, Unary};
use crate::simd::vectorize_math;

/// A fused sequence of functions of rows.
#[derive(Clone, Debug, Default)]
pub struct Fused {
    /// The views that it reads and writes.
    pub arrays: Vec<View>,
    /// What it computes.
    pub phases: Vec<Phase>,
}

/// Functions that are computed chunk by chunk.
#[derive(Clone, Debug)]
pub struct Phase {
    /// The number of columns of what is computed, and of the rows that are summed.
    pub width: usize,
    /// The functions, in order.
    pub code: Vec<Code>,
}

/// One function of a [`Phase`]. Arrays, named by their index, have the phase's width, or one column
/// that is read for all. A target is none of the function's own sources.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Code {
    /// `y ← f(x)`
    Unary(Unary, Source, usize),
    /// `y ← f(a, b)`
    Binary(Binary, [Source; 2], usize),
    /// `y ← c ≠ 0 ? a : b`
    Select([Source; 3], usize),
    /// `y ← Σ x`, the sum of each row of an array, in one column, which later phases may read.
    SumRow(usize, usize),
    /// `y ← Σ a b`, likewise.
    SumProducts([usize; 2], usize),
    /// `y ← y + x` for every row `x` of an array: `y` is a row of partial sums, see
    /// [`Span::Partial`](super::Span::Partial).
    AddRows(usize, usize),
    /// `y ← y + a b`, likewise.
    AddProducts([usize; 2], usize),
}

/// What a function reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Source {
    /// An array, by its index.
    Array(usize),
    /// A number.
    Literal(f64),
}

impl Code {
    pub(super) fn target(&self) -> usize {
        match *self {
            Self::Unary(_, _, y)
            | Self::Binary(_, _, y)
            | Self::Select(_, y)
            | Self::SumRow(_, y)
            | Self::SumProducts(_, y)
            | Self::AddRows(_, y)
            | Self::AddProducts(_, y) => y,
        }
    }

    /// Whether it sums each row.
    fn sums_rows(&self) -> bool {
        matches!(self, Self::SumRow(..) | Self::SumProducts(..))
    }

    /// Whether it adds up rows.
    pub(super) fn adds_rows(&self) -> bool {
        matches!(self, Self::AddRows(..) | Self::AddProducts(..))
    }

    /// Calls `visit` for each source that is an array.
    pub(super) fn for_each_source(&self, mut visit: impl FnMut(usize)) {
        let sources = match self {
            Self::Unary(_, x, _) => std::slice::from_ref(x),
            Self::Binary(_, x, _) => x,
            Self::Select(x, _) => x,
            Self::SumRow(x, _) | Self::AddRows(x, _) => return visit(*x),
            Self::SumProducts(x, _) | Self::AddProducts(x, _) => {
                return x.iter().copied().for_each(visit);
            }
        };
        for source in sources {
            if let Source::Array(array) = *source {
                visit(array);
            }
        }
    }
}

impl Fused {
    /// Panics if an index or a width does not fit, or a function writes what it reads.
    pub(super) fn check(&self, span: impl Fn(View) -> Span) {
        for Phase { width, code } in &self.phases {
            for code in code {
                let target = self.arrays[code.target()];
                let sums = code.sums_rows();
                let fits = target.width == if sums { 1 } else { *width };
                assert!(fits && !(sums && span(target) == Span::Chunk), "{code:?} to {target:?}");
                code.for_each_source(|source| {
                    let source = self.arrays[source];
                    let whole = source.width == *width;
                    let is_column = source.width == 1 && span(source) != Span::Chunk;
                    let fits = whole || is_column && !sums && !code.adds_rows();
                    assert!(
                        fits && !target.overlaps(source),
                        "{code:?} with {target:?}, {source:?}"
                    );
                });
            }
        }
    }

    /// Every function.
    pub(super) fn code(&self) -> impl Iterator<Item = &Code> {
        self.phases.iter().flat_map(|phase| &phase.code)
    }

    /// The views that are written.
    pub(super) fn written(&self) -> impl Iterator<Item = View> {
        self.code().map(|code| self.arrays[code.target()])
    }

    /// Elements that are computed for a row.
    pub(super) fn elements(&self) -> usize {
        self.phases.iter().map(|phase| phase.width * phase.code.len()).sum()
    }

    /// Runs the functions on `rows` rows from row `first`, a block at a time.
    ///
    /// # Safety
    ///
    /// [`check`](Self::check) has passed. The addresses, one for each array, hold `rows` rows of the
    /// array's width from `first` on — those of a block, as many as a block has; those of a chunk, as
    /// many of its columns — which may be read, and written where the code does, while nobody else uses
    /// them.
    pub(super) unsafe fn run<T: Scalar>(
        &self,
        addresses: &[Address<T>],
        clock: Clock,
        (first, rows): (usize, usize),
        workspace: &mut Workspace<T>,
    ) {
        let together = workspace.block_rows;
        for row in (0..rows).step_by(together) {
            let operands = &mut workspace.operands;
            operands.clear();
            operands.extend(addresses.iter().zip(&self.arrays).map(|(address, view)| {
                let (start, distance) = address.at(clock, first + row);
                Operand { start, distance, width: view.width, is_chunk: address.is_chunk() }
            }));
            let operands = &operands[..];
            let rows = together.min(rows - row);
            vectorize_math(
                #[inline(always)]
                move |math| {
                    for &Phase { width, ref code } in &self.phases {
                        let (most_rows, most_columns) = chunk_extents(width);
                        for row in (0..rows).step_by(most_rows) {
                            for column in (0..width).step_by(most_columns) {
                                let rows = most_rows.min(rows - row);
                                let columns = most_columns.min(width - column);
                                let chunk =
                                    Chunk { math, operands, width, row, rows, column, columns };
                                for code in code {
                                    // SAFETY: the caller's contract.
                                    unsafe { chunk.run(code) };
                                }
                            }
                        }
                    }
                },
            );
        }
    }
}
