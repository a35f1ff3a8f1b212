//! Reductions over axes, softmax and its logarithms.

use bptt_tensor::shape::{self, OrPanic};
use bptt_tensor::{Scalar, Shape};

use crate::tape::primitive::{Extremum, LogSoftmax, LogSumExp, Norm, Softmax, Sum};
use crate::tape::{Op, Var};

/// Reductions.
impl<T: Scalar> Var<'_, T> {
    /// The sum over these axes, which are removed.
    #[track_caller]
    #[must_use]
    pub fn sum(self, axes: &[isize]) -> Self {
        self.sum_over("sum", axes, false)
    }

    /// The sum over these axes, which are kept with extent 1.
    #[track_caller]
    #[must_use]
    pub fn sum_keep(self, axes: &[isize]) -> Self {
        self.sum_over("sum_keep", axes, true)
    }

    /// The sum of all elements, without axes.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn sum_all(self) -> Self {
        let axes: Vec<isize> = (0..self.shape().len() as isize).collect();
        self.sum(&axes)
    }

    /// The mean over these axes, which are removed.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn mean(self, axes: &[isize]) -> Self {
        self.sum_over("mean", axes, false) / self.count("mean", axes)
    }

    /// The mean over these axes, which are kept with extent 1.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn mean_keep(self, axes: &[isize]) -> Self {
        self.sum_over("mean_keep", axes, true) / self.count("mean_keep", axes)
    }

    /// The mean of all elements, without axes.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn mean_all(self) -> Self {
        self.sum_all() / self.shape().elements() as f64
    }

    /// The Euclidean norm `‖x‖ = √Σ x²` over these axes, which are removed. The value and the gradient `x / ‖x‖` are
    /// accurate even if squares of elements overflow or underflow. Where the norm is 0, derivatives of all orders are
    /// defined as 0.
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_tensor::Tensor;
    /// let tape = Tape::new();
    /// let x = tape.variable(Tensor::from_vec([3, 2], vec![3.0, 4.0, 0.0, 1e200, 0.0, 0.0]));
    /// let lengths = x.norm(&[-1]); // of the rows
    /// assert_eq!(lengths.value().to_vec(), [5.0, 1e200, 0.0]);
    /// assert_eq!(tape.backward(lengths.sum_all()).wrt(x).to_vec(), [0.6, 0.8, 0.0, 1.0, 0.0, 0.0]);
    /// ```
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn norm(self, axes: &[isize]) -> Self {
        let axes = shape::axes("norm", &self.shape(), axes).or_panic();
        self.unary(Op::Norm(Norm { axes: axes[..].into(), keep: false }))
    }

    /// The [norm](Self::norm) over these axes, which are kept with extent 1: `x / x.norm_keep(&[-1])` has rows of
    /// length 1.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn norm_keep(self, axes: &[isize]) -> Self {
        let axes = shape::axes("norm_keep", &self.shape(), axes).or_panic();
        self.unary(Op::Norm(Norm { axes: axes[..].into(), keep: true }))
    }

    /// The maximum over these axes, which vanish; tied elements share the gradient evenly.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn max(self, axes: &[isize]) -> Self {
        let axes = shape::axes("max", &self.shape(), axes).or_panic();
        self.unary(Op::Extremum(Extremum::Max(axes[..].into())))
    }

    /// The minimum over these axes, which vanish; tied elements share the gradient evenly.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn min(self, axes: &[isize]) -> Self {
        let axes = shape::axes("min", &self.shape(), axes).or_panic();
        self.unary(Op::Extremum(Extremum::Min(axes[..].into())))
    }

    /// The maximum over these axes, which stay with extent 1.
    #[track_caller]
    #[must_use]
    pub fn max_keep(self, axes: &[isize]) -> Self {
        let kept = self.kept("max_keep", axes);
        self.max(axes).reshape(kept)
    }

    /// The minimum over these axes, which stay with extent 1.
    #[track_caller]
    #[must_use]
    pub fn min_keep(self, axes: &[isize]) -> Self {
        let kept = self.kept("min_keep", axes);
        self.min(axes).reshape(kept)
    }

    /// The position of the largest element along an axis, for each row-major position of the other axes: the first of
    /// equals, or the first NaN. It is a fact about the value, which no gradient reaches.
    ///
    /// # Panics
    ///
    /// If the axis does not exist or has extent zero.
    #[track_caller]
    #[must_use]
    pub fn argmax(self, axis: isize) -> Vec<usize> {
        self.value().argmax(axis)
    }

    /// `softmax(x)ᵢ = e^{xᵢ} / Σⱼ e^{xⱼ}` along one axis, without overflow.
    #[track_caller]
    #[must_use]
    pub fn softmax(self, axis: isize) -> Self {
        self.unary(Op::Softmax(Softmax { axis: self.axis("softmax", axis) }))
    }

    /// `xᵢ − ln Σⱼ e^{xⱼ}` along one axis, without overflow.
    #[track_caller]
    #[must_use]
    pub fn log_softmax(self, axis: isize) -> Self {
        self.unary(Op::LogSoftmax(LogSoftmax { axis: self.axis("log_softmax", axis) }))
    }

    /// `ln Σⱼ e^{xⱼ}` along one axis, which vanishes; without overflow.
    #[track_caller]
    #[must_use]
    pub fn logsumexp(self, axis: isize) -> Self {
        self.unary(Op::LogSumExp(LogSumExp { axis: self.axis("logsumexp", axis) }))
    }

    /// `ln Σⱼ e^{xⱼ}` along one axis, which stays with extent 1.
    #[track_caller]
    #[must_use]
    pub fn logsumexp_keep(self, axis: isize) -> Self {
        let kept = self.kept("logsumexp_keep", &[axis]);
        self.logsumexp(axis).reshape(kept)
    }

    /// The shape with these axes at extent 1.
    #[track_caller]
    fn kept(self, operation: &'static str, axes: &[isize]) -> Shape {
        let axes = shape::axes(operation, &self.shape(), axes).or_panic();
        shape::reduce(&self.shape(), &axes, true)
    }

    #[track_caller]
    #[inline(never)]
    fn sum_over(self, operation: &'static str, axes: &[isize], keep: bool) -> Self {
        let axes = shape::axes(operation, &self.shape(), axes).or_panic();
        self.unary(Op::Sum(Sum { axes: axes[..].into(), keep }))
    }

    #[track_caller]
    fn count(self, operation: &'static str, axes: &[isize]) -> f64 {
        let shape = self.shape();
        let axes = shape::axes(operation, &shape, axes).or_panic();
        axes.iter().map(|&axis| shape[axis]).product::<usize>() as f64
    }
}
