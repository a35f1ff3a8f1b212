//! The library's operations as data, which nodes record and the scan reads. Their shape rules, kernels and gradient
//! rules are in `ops`.

use std::ops::Range;
use std::rc::Rc;

use bptt_tensor::{Shape, Transpose};

/// Resolved, ascending axes.
pub(crate) type Axes = Rc<[usize]>;

/// `condition ≠ 0 ? a : b`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Select;

/// `y = x`, `∂y/∂x := 0`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct StopGradient;

/// `C = op(A) · op(B)` over the last two axes, where `op` transposes as the flags say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct MatMul(pub(crate) Transpose);

/// Sum over axes, which are removed or kept with extent 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Sum {
    pub(crate) axes: Axes,
    pub(crate) keep: bool,
}

/// Euclidean norm over axes, which are removed or kept with extent 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Norm {
    pub(crate) axes: Axes,
    pub(crate) keep: bool,
}

/// Largest or smallest element over axes, which are removed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Extremum {
    Max(Axes),
    Min(Axes),
}

/// `yᵢ = e^{xᵢ} / Σⱼ e^{xⱼ}`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Softmax {
    pub(crate) axis: usize,
}

/// `yᵢ = xᵢ − ln Σⱼ e^{xⱼ}`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LogSoftmax {
    pub(crate) axis: usize,
}

/// `y = ln Σⱼ e^{xⱼ}`; the axis is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LogSumExp {
    pub(crate) axis: usize,
}

/// The same elements in another shape.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Reshape(pub(crate) Rc<[usize]>);

/// Axis `i` of the result is axis `order[i]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Permute(pub(crate) Rc<[usize]>);

/// Broadcasts as NumPy does; the transpose of [`SumTo`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct BroadcastTo(pub(crate) Rc<[usize]>);

/// Sums over the axes that a broadcast stretched; the transpose of [`BroadcastTo`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SumTo(pub(crate) Rc<[usize]>);

/// A slice of one axis; the transpose is [`Pad`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Slice {
    pub(crate) axis: usize,
    pub(crate) range: Range<usize>,
}

/// Adds parts into zeros of a shape, each at an offset: the transpose of several slices of one
/// tensor. It is one operation, so that the gradient of a sequence that is read step by step is not
/// a sum of one tensor of the sequence's size for each step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pad {
    pub(crate) shape: Shape,
    /// Axis and start of each part.
    pub(crate) places: Vec<(usize, usize)>,
}

/// Joins along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Concat {
    pub(crate) axis: usize,
}

/// `yᵢ = x₀ + … + xᵢ` along an axis; reversed, `yᵢ = xᵢ + … + xₙ₋₁`. Each is the transpose of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CumSum {
    pub(crate) axis: usize,
    pub(crate) is_reversed: bool,
}

/// Positions of the elements along an axis: of all in ascending order, or of the `k` largest in descending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ArgSort {
    All { axis: usize },
    Top { k: usize, axis: usize },
}

/// Element `j` along an axis is element `indices[j]` of the input; the second input holds the indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GatherAlong {
    pub(crate) axis: usize,
}

/// The transpose of [`GatherAlong`]: element `j` along an axis is added at `indices[j]` of a result with this extent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ScatterAlong {
    pub(crate) axis: usize,
    pub(crate) extent: usize,
}

/// Row `i` of the result is row `indices[i]` of the input.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GatherRows(pub(crate) Rc<[usize]>);

/// Row `i` of the input is added to row `indices[i]` of a result with `rows` rows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ScatterRows {
    pub(crate) indices: Rc<[usize]>,
    pub(crate) rows: usize,
}
