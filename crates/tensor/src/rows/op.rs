//! Operations on rows, and the phases in which they are fused.

use super::buffer::{Lifetime, View};
use super::kernel::Kernel;
use crate::kernels::binary::Binary;
use crate::kernels::unary::Unary;
use crate::scalar::Scalar;

/// A sequence of fused operations, computed together chunk by chunk.
#[derive(Clone, Debug)]
pub struct Phase<T> {
    /// The number of columns of its results, and of the rows that it reduces.
    pub width: usize,
    /// The views that it reads and writes, of this width or of one column.
    pub arrays: Vec<View>,
    /// The operations, in order.
    pub ops: Vec<RowOp<T>>,
}

/// One operation of a [`Phase`], which names arrays by their index. A source has the phase's width,
/// or one column, which is broadcast. The target is none of the sources.
#[derive(Clone, Debug, PartialEq)]
pub enum RowOp<T> {
    /// `y ← f(x)`
    Unary(Unary, usize, usize),
    /// `y ← f(a, b)`
    Binary(Binary, [usize; 2], usize),
    /// `y ← a b + c`, with the product and the sum each rounded
    MulAdd(MulKind, [usize; 3], usize),
    /// `y ← c ≠ 0 ? a : b`
    Select([usize; 3], usize),
    /// `y ← f(x₀, x₁, ..)`, for arrays of the phase's width, with the function's name.
    Call(&'static str, Kernel<T>, Box<[usize]>, usize),
    /// `y ← reduction of x`, one number for each row. Later phases may read it.
    Reduce(Reduction, usize, usize),
    /// `y ← Σ a b`, one number for each row. Later phases may read it.
    Dot(MulKind, [usize; 2], usize),
    /// `y ← y + x` for every row `x` of an array; `y` is a row of partial sums, see
    /// [`Lifetime::Partial`](super::Lifetime::Partial).
    AddRows(usize, usize),
    /// `y ← y + a b` for every row of two arrays.
    AddProducts(MulKind, [usize; 2], usize),
}

/// The multiplication of elements in a sum of products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MulKind {
    /// [`Binary::Mul`]
    Plain,
    /// [`Binary::ChainMul`]
    Chain,
}

/// A reduction of a row to one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// `Σ x`
    Sum,
    /// `√Σ x²`, accurate even if squares of elements overflow or underflow.
    Norm,
    /// The largest element; NaN if any is NaN.
    Max,
    /// The smallest element; NaN if any is NaN.
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
            | Self::Call(_, _, _, y)
            | Self::Reduce(_, _, y)
            | Self::Dot(_, _, y)
            | Self::AddRows(_, y)
            | Self::AddProducts(_, _, y) => y,
        }
    }

    /// Whether it reduces each row to one number.
    fn reduces_rows(&self) -> bool {
        matches!(self, Self::Reduce(..) | Self::Dot(..))
    }

    /// Whether it broadcasts an array of one column.
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
            Self::Call(_, _, x, _) => x,
        }
    }
}

impl<T: Scalar> Phase<T> {
    /// Panics if an index or a width does not fit, or an operation writes an array that it reads.
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
                // the reduction is complete after the last chunk only, so no operation of the phase
                // may read a column that it overwrites
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
}
