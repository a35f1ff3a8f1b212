//! Operations on rows, and the phases in which they are fused.

use smallvec::SmallVec;

use super::buffer::View;
use super::kernel::Kernel;
use crate::kernels::binary::Binary;
use crate::kernels::unary::Unary;
use crate::scalar::Scalar;

/// Extents or strides of the axes of a row, outermost first.
pub type Axes = SmallVec<[usize; 4]>;

/// A sequence of fused operations, computed together chunk by chunk.
#[derive(Clone, Debug)]
pub struct Phase<T> {
    /// The extents of the axes of a row over which the operations run. There is at least one; the
    /// elements along the last are the columns.
    pub axes: Axes,
    /// The arrays that it reads and writes.
    pub arrays: Vec<Array>,
    /// The operations, in order.
    pub ops: Vec<RowOp<T>>,
}

/// The elements of a view, as a phase reads or writes them: element `[i₁, i₂, ..]` of a row is
/// `Σ iₖ strideₖ` columns after the first. The array is broadcast along an axis of stride 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Array {
    /// The columns that hold the elements.
    pub view: View,
    /// The strides of the phase's axes.
    pub strides: Axes,
}

impl Array {
    /// All columns of a view, for a phase of one axis of this extent. A view of one column is
    /// broadcast.
    #[must_use]
    pub fn of_columns(view: View, columns: usize) -> Self {
        Self { view, strides: Axes::from_slice(&[usize::from(view.width == columns)]) }
    }
}

/// One operation of a [`Phase`], which names arrays by their index. The target is none of the
/// sources.
#[derive(Clone, Debug, PartialEq)]
pub enum RowOp<T> {
    /// `y ← f(x)`
    Unary(Unary, usize, usize),
    /// `y ← f(a, b)`
    Binary(Binary, [usize; 2], usize),
    /// `y ← a b + c`, with the product and the sum each rounded
    MulAdd(MulKind, [usize; 3], usize),
    /// `y ← a b + c d`, with the products and the sum each rounded
    MulMulAdd(MulKind, [usize; 4], usize),
    /// `y ← c ≠ 0 ? a : b`
    Select([usize; 3], usize),
    /// `y ← f(x₀, x₁, ..)`, with the function's name.
    Call(&'static str, Kernel<T>, Box<[usize]>, usize),
    /// `y ← reduction of x` along the axes on which `y` has stride 0. Later phases may read it.
    Reduce(Reduction, usize, usize),
    /// `y ← Σ a b` along the axes on which `y` has stride 0. Later phases may read it.
    Dot(MulKind, [usize; 2], usize),
    /// `y ← y + x` for every row `x` of an array; `y` is a row of partial sums, see
    /// [`Lifetime::Partial`](super::Lifetime::Partial).
    AddRows(usize, usize),
    /// `y ← y + a b` for every row of two arrays.
    AddProducts(MulKind, [usize; 2], usize),
}

/// The multiplication of elements in sums of products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MulKind {
    /// [`Binary::Mul`]
    Plain,
    /// [`Binary::ChainMul`]
    Chain,
}

/// A reduction of several elements to one.
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
    /// The array that it writes.
    #[must_use]
    pub fn target(&self) -> usize {
        match *self {
            Self::Unary(_, _, y)
            | Self::Binary(_, _, y)
            | Self::MulAdd(_, _, y)
            | Self::MulMulAdd(_, _, y)
            | Self::Select(_, y)
            | Self::Call(_, _, _, y)
            | Self::Reduce(_, _, y)
            | Self::Dot(_, _, y)
            | Self::AddRows(_, y)
            | Self::AddProducts(_, _, y) => y,
        }
    }

    /// Whether this operation has a [loop](super::short) for rows of a few whole vectors.
    #[inline(always)]
    pub(super) fn has_short_loop(&self) -> bool {
        use Binary::{Add, ChainMul, Mul, Sub};
        matches!(
            self,
            Self::Binary(Add | Sub | Mul | ChainMul, ..) | Self::MulAdd(..) | Self::MulMulAdd(..)
        )
    }

    /// Whether it reduces elements of a row.
    pub(super) fn reduces(&self) -> bool {
        matches!(self, Self::Reduce(..) | Self::Dot(..))
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
            Self::MulMulAdd(_, x, _) => x,
            Self::Call(_, _, x, _) => x,
        }
    }
}

impl<T: Scalar> Phase<T> {
    /// The number of elements of a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.axes.iter().product()
    }

    /// The views that are written.
    pub(super) fn written(&self) -> impl Iterator<Item = View> {
        self.ops.iter().map(|op| self.arrays[op.target()].view)
    }
}
