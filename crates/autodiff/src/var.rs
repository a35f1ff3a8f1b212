//! Variables, and the operations that equations are written with.

use std::fmt;
use std::ops::Range;

use bptt_tensor::shape::{self, OrPanic};
use bptt_tensor::{Binary, Scalar, Shape, Tensor, Transpose, Unary};

use crate::Tape;
use crate::operand::Operand;
use crate::operation::Op;
use crate::ops::layout::{BroadcastTo, Concat, Permute, Reshape, Slice, SumTo};
use crate::ops::matmul::MatMul;
use crate::ops::reduce::{Extremum, Norm, Sum};
use crate::ops::rows::{GatherRows, ScatterRows};
use crate::ops::select::{Select, StopGradient};
use crate::ops::softmax::{LogSoftmax, LogSumExp, Softmax};

/// A value on a tape: what equations are written with.
///
/// A variable is a `Copy` handle. The other operand of an operation is a `Var`, a
/// [`&Param`](crate::Param), a `&Tensor` (a constant) or an `f64` literal; shapes broadcast as in
/// NumPy, and axes may be counted from the end (`-1` is the last).
///
/// ```
/// use bptt_autodiff::{Param, Tape};
/// use bptt_tensor::Tensor;
///
/// let w = Param::<f32>::new(Tensor::ones([3, 2]));
/// let b = Param::new(Tensor::zeros([2]));
/// let tape = Tape::new();
/// let x = tape.constant(Tensor::ones([4, 3]));
/// let h = (x.matmul(&w) + &b).tanh(); // [4, 2]
/// let gated = (1.0 - h) * h;
/// assert_eq!(gated.shape(), [4, 2]);
/// ```
///
/// # Panics
///
/// Every operation panics at the caller's line if the operands' shapes do not fit, naming the
/// operation, the shapes, the axis and the mend; or if they are variables of different tapes.
pub struct Var<'t, T> {
    pub(crate) tape: &'t Tape<T>,
    pub(crate) id: u32,
}

impl<T> Clone for Var<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Var<'_, T> {}

impl<T: fmt::Debug> fmt::Debug for Var<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Var {} {:?}", self.id, self.tape.nodes()[self.id as usize].value)
    }
}

/// Access.
impl<'t, T: Scalar> Var<'t, T> {
    /// The value; shares its buffer.
    ///
    /// # Panics
    ///
    /// If the variable is part of a step that a [scan](Tape::scan) is recording, and has no value yet.
    #[track_caller]
    #[must_use]
    pub fn value(self) -> Tensor<T> {
        let value = self.tape.nodes()[self.id as usize].value.clone();
        assert!(
            !value.is_unknown(),
            "scan records a step before there are values: one of shape {} was read; run a step that \
             branches on values with unroll",
            value.shape()
        );
        value
    }

    /// The value's shape.
    #[must_use]
    pub fn shape(self) -> Shape {
        self.tape.shape_of(self.id)
    }

    /// The only element of the value.
    ///
    /// # Panics
    ///
    /// If there is not exactly one.
    #[track_caller]
    #[must_use]
    pub fn item(self) -> T {
        self.value().item()
    }

    /// The tape that the variable lives on.
    #[must_use]
    pub fn tape(self) -> &'t Tape<T> {
        self.tape
    }

    /// Whether both are one value: the same node of the same tape.
    #[must_use]
    pub fn is(self, other: Self) -> bool {
        std::ptr::eq(self.tape, other.tape) && self.id == other.id
    }

    /// The place on `tape`.
    #[track_caller]
    pub(crate) fn on_tape(self, tape: &'t Tape<T>) -> u32 {
        self.on(tape).id
    }

    #[track_caller]
    fn unary(self, op: Op<T>) -> Self {
        self.tape.record(op, &[self])
    }

    #[track_caller]
    fn with(self, op: Op<T>, other: impl Operand<'t, T>) -> Self {
        let other = other.on(self.tape);
        self.tape.record(op, &[self, other])
    }

    #[track_caller]
    fn axis(self, operation: &'static str, axis: isize) -> usize {
        shape::axis(operation, &self.shape(), axis).or_panic()
    }
}

macro_rules! unary_methods {
    ($($(#[$doc:meta])* $name:ident => $variant:ident;)*) => {
        /// Functions of each element.
        impl<T: Scalar> Var<'_, T> {
            $(
                $(#[$doc])*
                #[track_caller]
                #[must_use]
                pub fn $name(self) -> Self {
                    self.unary(Op::Unary(Unary::$variant))
                }
            )*

            /// `xᵖ` for a constant exponent.
            #[track_caller]
            #[must_use]
            pub fn powf(self, exponent: f64) -> Self {
                self.unary(Op::Unary(Unary::Powf(exponent)))
            }
        }
    };
}

unary_methods! {
    /// `|x|`; its derivative at 0 is taken as 0.
    abs => Abs;
    /// `x²`
    square => Square;
    /// `√x`
    sqrt => Sqrt;
    /// `1 / x`
    recip => Recip;
    /// `eˣ`
    exp => Exp;
    /// `eˣ − 1`, without cancellation near 0.
    expm1 => Expm1;
    /// The natural logarithm.
    ln => Ln;
    /// `ln(1 + x)`, without cancellation near 0.
    log1p => Log1p;
    /// `sin x`
    sin => Sin;
    /// `cos x`
    cos => Cos;
    /// `tanh x`
    tanh => Tanh;
    /// The error function `erf x = 2/√π ∫₀ˣ e⁻ᵗ² dt`.
    erf => Erf;
    /// The logistic function `σ(x) = 1 / (1 + e⁻ˣ)`.
    sigmoid => Sigmoid;
    /// `max(x, 0)`; its derivative at 0 is taken as 0.
    relu => Relu;
    /// `ln(1 + eˣ)`, without overflow.
    softplus => Softplus;
    /// `ln σ(x) = −ln(1 + e⁻ˣ)`, without overflow.
    log_sigmoid => LogSigmoid;
    /// The sign: −1, 0 or 1. Its gradient is zero.
    sign => Sign;
}

/// Functions of two operands, element by element, with broadcasting.
impl<'t, T: Scalar> Var<'t, T> {
    /// `xᵖ`, element by element, with an exponent that is an operand as well. [`powf`](Self::powf) takes a number.
    ///
    /// `∂x = p xᵖ⁻¹`, and `∂p = xᵖ ln x`, which is defined as 0 where `x = 0` and `p ≥ 0`. With a negative base, the
    /// power and `∂x` are defined if the exponent is an integer. `∂p` is then NaN.
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_tensor::Tensor;
    /// let tape = Tape::new();
    /// let x = tape.variable(Tensor::from_vec([3], vec![-2.0, 0.0, 3.0]));
    /// let cubes = x.pow(3.0);
    /// assert_eq!(cubes.value().to_vec(), [-8.0, 0.0, 27.0]);
    /// assert_eq!(tape.backward(cubes.sum_all()).wrt(x).to_vec(), [12.0, 0.0, 27.0]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn pow(self, exponent: impl Operand<'t, T>) -> Self {
        self.with(Op::Binary(Binary::Pow), exponent)
    }

    /// The larger of each pair; at a tie, half of the gradient goes to either side.
    #[track_caller]
    #[must_use]
    pub fn maximum(self, other: impl Operand<'t, T>) -> Self {
        self.with(Op::Binary(Binary::Maximum), other)
    }

    /// The smaller of each pair; at a tie, half of the gradient goes to either side.
    #[track_caller]
    #[must_use]
    pub fn minimum(self, other: impl Operand<'t, T>) -> Self {
        self.with(Op::Binary(Binary::Minimum), other)
    }

    /// `self · slope`, but 0 where either factor is 0, even beside an infinity or a NaN. It is the product of the
    /// chain rule: the gradient rules of elementwise functions use it. An element that [`select`](Self::select) does
    /// not choose has a cotangent of 0. With this product it does not affect any gradient, whatever its value. An
    /// ordinary product would give `0 · ∞ = NaN`.
    ///
    /// Products of matrices are ordinary: they are sums, in which a NaN concerns all elements.
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_tensor::Tensor;
    /// let tape = Tape::<f64>::new();
    /// let cotangents = tape.variable(Tensor::from_vec([3], vec![2.0, 0.0, 0.0]));
    /// let slopes = tape.variable(Tensor::from_vec([3], vec![3.0, f64::INFINITY, f64::NAN]));
    /// assert_eq!(cotangents.chain_mul(slopes).value().to_vec(), [6.0, 0.0, 0.0]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn chain_mul(self, slope: impl Operand<'t, T>) -> Self {
        self.with(Op::Binary(Binary::ChainMul), slope)
    }

    /// `self / divisor`, but 0 where `self` is 0 or `divisor` is infinite. It is [`chain_mul`](Self::chain_mul) with
    /// the slope `1 / divisor`, rounded once.
    #[track_caller]
    #[must_use]
    pub fn chain_div(self, divisor: impl Operand<'t, T>) -> Self {
        self.with(Op::Binary(Binary::ChainDiv), divisor)
    }

    /// The cotangent of `tanh`'s input, from that of its output (this) and the output.
    pub(crate) fn tanh_slope(self, output: Self) -> Self {
        self.with(Op::Binary(Binary::TanhSlope), output)
    }

    /// The cotangent of `sigmoid`'s input, from the cotangent of its output (`self`) and the output's tail.
    pub(crate) fn sigmoid_slope(self, tail: Self) -> Self {
        self.with(Op::Binary(Binary::SigmoidSlope), tail)
    }

    /// The tail of the logistic function, which keeps all digits where the function rounds to 1: see
    /// [`Unary::SigmoidTail`].
    pub(crate) fn sigmoid_tail(self) -> Self {
        self.unary(Op::Unary(Unary::SigmoidTail))
    }

    /// The logistic function from its tail.
    pub(crate) fn sigmoid_of_tail(self) -> Self {
        self.unary(Op::Unary(Unary::SigmoidOfTail))
    }

    /// 1 where `self > other`, else 0. Comparisons have gradient zero.
    #[track_caller]
    #[must_use]
    pub fn gt(self, other: impl Operand<'t, T>) -> Self {
        self.with(Op::Binary(Binary::Greater), other)
    }

    /// 1 where `self ≥ other`, else 0.
    #[track_caller]
    #[must_use]
    pub fn ge(self, other: impl Operand<'t, T>) -> Self {
        self.with(Op::Binary(Binary::GreaterEqual), other)
    }

    /// 1 where `self < other`, else 0.
    #[track_caller]
    #[must_use]
    pub fn lt(self, other: impl Operand<'t, T>) -> Self {
        self.with(Op::Binary(Binary::Less), other)
    }

    /// 1 where `self ≤ other`, else 0.
    #[track_caller]
    #[must_use]
    pub fn le(self, other: impl Operand<'t, T>) -> Self {
        self.with(Op::Binary(Binary::LessEqual), other)
    }

    /// 1 where the elements are equal, else 0.
    #[track_caller]
    #[must_use]
    pub fn equal(self, other: impl Operand<'t, T>) -> Self {
        self.with(Op::Binary(Binary::Equal), other)
    }

    /// Where this condition is not zero the first choice, elsewhere the second. What was not chosen may be anything,
    /// NaN included: it affects neither the value nor the gradients of any order. This holds if it was computed by
    /// elementwise functions, and not for products of matrices.
    #[track_caller]
    #[must_use]
    pub fn select(self, chosen: impl Operand<'t, T>, other: impl Operand<'t, T>) -> Self {
        let (chosen, other) = (chosen.on(self.tape), other.on(self.tape));
        self.tape.record(Op::Select(Select), &[self, chosen, other])
    }

    /// The same value, through which no gradient flows.
    #[track_caller]
    #[must_use]
    pub fn stop_gradient(self) -> Self {
        self.unary(Op::StopGradient(StopGradient))
    }
}

/// Matrix products.
impl<'t, T: Scalar> Var<'t, T> {
    /// `A · B` over the last two axes: `[.., M, K] · [K, N]` or `[.., M, K] · [.., K, N]`; a vector
    /// `[K]` may stand left of a matrix.
    #[track_caller]
    #[must_use]
    pub fn matmul(self, right: impl Operand<'t, T>) -> Self {
        self.product(right, Transpose::NONE)
    }

    /// `A · Bᵀ`, without copying the transpose.
    #[track_caller]
    #[must_use]
    pub fn matmul_t(self, right: impl Operand<'t, T>) -> Self {
        self.product(right, Transpose::RIGHT)
    }

    /// `Aᵀ · B`, without copying the transpose.
    #[track_caller]
    #[must_use]
    pub fn t_matmul(self, right: impl Operand<'t, T>) -> Self {
        self.product(right, Transpose::LEFT)
    }

    #[track_caller]
    pub(crate) fn product(self, right: impl Operand<'t, T>, transpose: Transpose) -> Self {
        self.with(Op::MatMul(MatMul(transpose)), right)
    }
}

/// Reductions.
impl<T: Scalar> Var<'_, T> {
    /// The sum over these axes, which vanish.
    #[track_caller]
    #[must_use]
    pub fn sum(self, axes: &[isize]) -> Self {
        self.sum_over("sum", axes, false)
    }

    /// The sum over these axes, which stay with extent 1.
    #[track_caller]
    #[must_use]
    pub fn sum_keep(self, axes: &[isize]) -> Self {
        self.sum_over("sum_keep", axes, true)
    }

    /// The sum of all elements, without axes.
    #[track_caller]
    #[must_use]
    pub fn sum_all(self) -> Self {
        let axes: Vec<isize> = (0..self.shape().len() as isize).collect();
        self.sum(&axes)
    }

    /// The mean over these axes, which vanish.
    #[track_caller]
    #[must_use]
    pub fn mean(self, axes: &[isize]) -> Self {
        self.sum_over("mean", axes, false) / self.count("mean", axes)
    }

    /// The mean over these axes, which stay with extent 1.
    #[track_caller]
    #[must_use]
    pub fn mean_keep(self, axes: &[isize]) -> Self {
        self.sum_over("mean_keep", axes, true) / self.count("mean_keep", axes)
    }

    /// The mean of all elements, without axes.
    #[track_caller]
    #[must_use]
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
    pub fn norm(self, axes: &[isize]) -> Self {
        let axes = shape::axes("norm", &self.shape(), axes).or_panic();
        self.unary(Op::Norm(Norm { axes: axes[..].into(), keep: false }))
    }

    /// The [norm](Self::norm) over these axes, which are kept with extent 1: `x / x.norm_keep(&[-1])` has rows of
    /// length 1.
    #[track_caller]
    #[must_use]
    pub fn norm_keep(self, axes: &[isize]) -> Self {
        let axes = shape::axes("norm_keep", &self.shape(), axes).or_panic();
        self.unary(Op::Norm(Norm { axes: axes[..].into(), keep: true }))
    }

    /// The maximum over these axes, which vanish; tied elements share the gradient evenly.
    #[track_caller]
    #[must_use]
    pub fn max(self, axes: &[isize]) -> Self {
        let axes = shape::axes("max", &self.shape(), axes).or_panic();
        self.unary(Op::Extremum(Extremum::Max(axes[..].into())))
    }

    /// The minimum over these axes, which vanish; tied elements share the gradient evenly.
    #[track_caller]
    #[must_use]
    pub fn min(self, axes: &[isize]) -> Self {
        let axes = shape::axes("min", &self.shape(), axes).or_panic();
        self.unary(Op::Extremum(Extremum::Min(axes[..].into())))
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

    #[track_caller]
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

/// Layout.
impl<'t, T: Scalar> Var<'t, T> {
    /// The same elements in another shape.
    #[track_caller]
    #[must_use]
    pub fn reshape(self, shape: impl Into<Shape>) -> Self {
        self.unary(Op::Reshape(Reshape(shape.into()[..].into())))
    }

    /// Stretched to `shape`, as in NumPy.
    #[track_caller]
    #[must_use]
    pub fn broadcast_to(self, shape: impl Into<Shape>) -> Self {
        self.unary(Op::BroadcastTo(BroadcastTo(shape.into()[..].into())))
    }

    /// Summed over the axes that a broadcast from `shape` stretched.
    #[track_caller]
    #[must_use]
    pub fn sum_to(self, shape: impl Into<Shape>) -> Self {
        self.unary(Op::SumTo(SumTo(shape.into()[..].into())))
    }

    /// The axes in another order: axis `i` of the result is axis `order[i]`.
    #[track_caller]
    #[must_use]
    pub fn permute(self, order: &[usize]) -> Self {
        self.unary(Op::Permute(Permute(order.into())))
    }

    /// Two axes exchanged. Products need no transposed copies: see [`matmul_t`](Self::matmul_t).
    #[track_caller]
    #[must_use]
    pub fn transpose(self, a: isize, b: isize) -> Self {
        let (a, b) = (self.axis("transpose", a), self.axis("transpose", b));
        let mut order: Vec<usize> = (0..self.shape().len()).collect();
        order.swap(a, b);
        self.permute(&order)
    }

    /// The part `range` of one axis.
    #[track_caller]
    #[must_use]
    pub fn slice(self, axis: isize, range: Range<usize>) -> Self {
        let axis = self.axis("slice", axis);
        self.unary(Op::Slice(Slice { axis, range }))
    }

    /// Entry `index` of axis 0, which vanishes: time step `[B, F]` of a sequence `[T, B, F]`.
    #[track_caller]
    #[must_use]
    pub fn index_first(self, index: usize) -> Self {
        let axis = self.axis("index_first", 0);
        let entry = self.slice(0, index..index + 1);
        entry.reshape(entry.shape().without(axis))
    }

    /// The last axis in `N` equal parts: the gates of a fused product.
    #[track_caller]
    #[must_use]
    pub fn split<const N: usize>(self) -> [Self; N] {
        let axis = self.axis("split", -1);
        let part = shape::split(&self.shape(), axis, N).or_panic();
        let mut parts = [self; N];
        for (i, slot) in parts.iter_mut().enumerate() {
            // not `array::from_fn`: a closure would hide the caller's line
            *slot = self.slice(axis as isize, i * part..(i + 1) * part);
        }
        parts
    }

    /// Joined along an axis that the parts have.
    ///
    /// # Panics
    ///
    /// If there is no part, or their shapes differ elsewhere than at `axis`.
    #[track_caller]
    #[must_use]
    pub fn concat(parts: &[Self], axis: isize) -> Self {
        let Some(first) = parts.first() else { panic!("concat needs at least one operand") };
        let axis = first.axis("concat", axis);
        let mut operands = Vec::with_capacity(parts.len());
        for part in parts {
            operands.push(part.on(first.tape));
        }
        first.tape.record(Op::Concat(Concat { axis }), &operands)
    }

    /// Joined along a new axis 0: the steps `[B, F]` of a sequence become `[T, B, F]`.
    ///
    /// # Panics
    ///
    /// If there is no part, or their shapes differ.
    #[track_caller]
    #[must_use]
    pub fn stack(parts: &[Self]) -> Self {
        let shapes: Vec<Shape> = parts.iter().map(|part| part.shape()).collect();
        let shapes: Vec<&[usize]> = shapes.iter().map(|shape| &shape[..]).collect();
        shape::stack(&shapes, 0).or_panic();
        let mut entries = Vec::with_capacity(parts.len());
        for part in parts {
            let shape: Shape = std::iter::once(1).chain(part.shape().iter().copied()).collect();
            entries.push(part.reshape(shape));
        }
        Self::concat(&entries, 0)
    }

    /// Rows by index: `[N, ..]` becomes `[indices.len(), ..]`. Its gradient adds up where an index
    /// repeats.
    #[track_caller]
    #[must_use]
    pub fn gather_rows(self, indices: &[usize]) -> Self {
        self.unary(Op::GatherRows(GatherRows(indices.into())))
    }

    /// The transpose of [`gather_rows`](Self::gather_rows): row `i` is added to row `indices[i]`
    /// of a tensor with `rows` rows.
    #[track_caller]
    #[must_use]
    pub fn scatter_rows(self, indices: &[usize], rows: usize) -> Self {
        self.unary(Op::ScatterRows(ScatterRows { indices: indices.into(), rows }))
    }
}
