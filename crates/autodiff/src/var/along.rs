//! Cumulative sums, sorting, and gathering and scattering by index, along one axis.

use bptt_tensor::Scalar;

use crate::tape::primitive::{ArgSort, CumSum, GatherAlong, ScatterAlong};
use crate::tape::{Op, Operand, Var};

/// Operations along one axis. A [scan](crate::Tape::scan) whose step contains one runs it as an operation of its own.
impl<'t, T: Scalar> Var<'t, T> {
    /// The sums up to each position of an axis: `yᵢ = x₀ + … + xᵢ`.
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_tensor::Tensor;
    /// let tape = Tape::new();
    /// let x = tape.variable(Tensor::from([1.0, 2.0, 3.0]));
    /// let y = x.cumsum(0);
    /// assert_eq!(y.value().to_vec(), [1.0, 3.0, 6.0]);
    /// assert_eq!(tape.backward(y.sum_all()).wrt(x).to_vec(), [3.0, 2.0, 1.0]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn cumsum(self, axis: isize) -> Self {
        let axis = self.axis("cumsum", axis);
        self.unary(Op::CumSum(CumSum { axis, is_reversed: false }))
    }

    /// The sums from each position of an axis to its end: `yᵢ = xᵢ + … + xₙ₋₁`. It is the transpose of
    /// [`cumsum`](Self::cumsum).
    #[track_caller]
    #[must_use]
    pub fn reverse_cumsum(self, axis: isize) -> Self {
        let axis = self.axis("reverse_cumsum", axis);
        self.unary(Op::CumSum(CumSum { axis, is_reversed: true }))
    }

    /// The elements along an axis in ascending order. NaN comes last, as in NumPy.
    ///
    /// Each element's gradient is that of the place where it stands in the result. Equal elements keep their order.
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_tensor::Tensor;
    /// let tape = Tape::new();
    /// let x = tape.variable(Tensor::from([3.0, 1.0, 2.0]));
    /// let sorted = x.sort(0);
    /// assert_eq!(sorted.value().to_vec(), [1.0, 2.0, 3.0]);
    /// let weights = Tensor::from([10.0, 20.0, 30.0]);
    /// assert_eq!(tape.backward((sorted * &weights).sum_all()).wrt(x).to_vec(), [30.0, 10.0, 20.0]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn sort(self, axis: isize) -> Self {
        self.gather_along(self.argsort(axis), axis)
    }

    /// The positions of the elements along an axis, in the ascending order of the elements, as whole numbers. Equal
    /// elements keep their order, and NaN comes last. The gradient is zero.
    ///
    /// [`gather_along`](Self::gather_along) reads the positions, to put another variable into the same order.
    #[track_caller]
    #[must_use]
    pub fn argsort(self, axis: isize) -> Self {
        let axis = self.axis("argsort", axis);
        self.unary(Op::ArgSort(ArgSort::All { axis }))
    }

    /// The `k` largest elements along an axis, in descending order, and their positions along it as whole numbers. Of
    /// equal elements the first comes first, and NaN counts as the largest, as in JAX and PyTorch.
    ///
    /// The gradient of a value goes to the element at its position. The positions have gradient zero.
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_tensor::Tensor;
    /// let tape = Tape::new();
    /// let x = tape.variable(Tensor::from([[2.0, 9.0, 4.0], [7.0, 5.0, 6.0]]));
    /// let (values, indices) = x.topk(2, -1);
    /// assert_eq!(values.value(), Tensor::from([[9.0, 4.0], [7.0, 6.0]]));
    /// assert_eq!(indices.value(), Tensor::from([[1.0, 2.0], [0.0, 2.0]]));
    /// let gradient = tape.backward(values.sum_all());
    /// assert_eq!(gradient.wrt(x), &Tensor::from([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]]));
    /// ```
    ///
    /// # Panics
    ///
    /// If the axis does not exist, or `k` is greater than its extent.
    #[track_caller]
    #[must_use]
    pub fn topk(self, k: usize, axis: isize) -> (Self, Self) {
        let resolved = self.axis("topk", axis);
        let indices = self.unary(Op::ArgSort(ArgSort::Top { k, axis: resolved }));
        (self.gather_along(indices, axis), indices)
    }

    /// Gathers elements along an axis: element `j` of a lane of the result is element `indices[j]` of this variable's
    /// lane at the same position of the other axes, as `take_along_axis` in JAX and `gather` in PyTorch. The result has
    /// the shape of `indices`, which are whole numbers, such as those of [`argsort`](Self::argsort).
    ///
    /// The gradients of a repeated index add up. The indices have gradient zero.
    ///
    /// # Panics
    ///
    /// If the axis does not exist, other extents differ, or an index is not a whole number within the axis.
    #[doc(alias = "take_along_axis")]
    #[track_caller]
    #[must_use]
    pub fn gather_along(self, indices: impl Operand<'t, T>, axis: isize) -> Self {
        let axis = self.axis("gather_along", axis);
        self.with(Op::GatherAlong(GatherAlong { axis }), indices)
    }

    /// The transpose of [`gather_along`](Self::gather_along): element `j` of each lane is added at position
    /// `indices[j]` of zeros that have this extent along the axis.
    ///
    /// # Panics
    ///
    /// If the axis does not exist, the shapes differ, or an index is not a whole number less than `extent`.
    #[track_caller]
    #[must_use]
    pub fn scatter_along(self, indices: impl Operand<'t, T>, axis: isize, extent: usize) -> Self {
        let axis = self.axis("scatter_along", axis);
        self.with(Op::ScatterAlong(ScatterAlong { axis, extent }), indices)
    }
}
