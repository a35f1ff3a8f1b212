//! Variables, and the operations that equations are written with.

mod elementwise;
mod layout;
mod reduce;

use std::fmt;

use bptt_tensor::shape::{self, OrPanic};
use bptt_tensor::{Scalar, Shape, Tensor, Transpose};

use crate::ops::matmul::MatMul;
use crate::tape::{Op, Operand, Tape};

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
