//! The methods of variables, in which equations are written.

mod along;
mod elementwise;
mod layout;
mod reduce;

use bptt_tensor::shape::{self, OrPanic};
use bptt_tensor::{Scalar, Shape, Tensor, Transpose};

use crate::tape::primitive::MatMul;
use crate::tape::{Op, Operand, Tape, Var};

/// Access.
impl<'t, T: Scalar> Var<'t, T> {
    /// The value; shares its buffer.
    ///
    /// # Panics
    ///
    /// If a [scan](Tape::scan) is recording the variable's step, so that it has no value yet.
    #[track_caller]
    #[must_use]
    #[inline(never)]
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

    /// The number of axes.
    #[must_use]
    pub fn rank(self) -> usize {
        self.shape().len()
    }

    /// The number of elements.
    #[must_use]
    pub fn len(self) -> usize {
        self.shape().elements()
    }

    /// Whether there are no elements, since some axis has extent zero.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
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

    /// Whether both are the same node of the same tape.
    #[must_use]
    pub fn is(self, other: Self) -> bool {
        std::ptr::eq(self.tape, other.tape) && self.id == other.id
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
    #[inline(never)]
    fn axis(self, operation: &'static str, axis: isize) -> usize {
        shape::axis(operation, &self.shape(), axis).or_panic()
    }
}

/// Matrix products.
impl<'t, T: Scalar> Var<'t, T> {
    /// The matrix product `A · B` of the last two axes: `[.., M, K] · [K, N]` or `[.., M, K] · [..,
    /// K, N]`. The left operand of one matrix may be a vector: `[K] · [K, N]` = `[N]`.
    #[track_caller]
    #[must_use]
    pub fn matmul(self, right: impl Operand<'t, T>) -> Self {
        self.matmul_with(right, Transpose::NONE)
    }

    /// `A · Bᵀ`, without copying the transpose.
    #[track_caller]
    #[must_use]
    pub fn matmul_t(self, right: impl Operand<'t, T>) -> Self {
        self.matmul_with(right, Transpose::RIGHT)
    }

    /// `Aᵀ · B`, without copying the transpose.
    #[track_caller]
    #[must_use]
    pub fn t_matmul(self, right: impl Operand<'t, T>) -> Self {
        self.matmul_with(right, Transpose::LEFT)
    }

    /// Like [`matmul`](Self::matmul), reading either operand transposed. A left operand that is read transposed has as
    /// many axes as the right.
    #[track_caller]
    #[must_use]
    pub fn matmul_with(self, right: impl Operand<'t, T>, transpose: Transpose) -> Self {
        self.with(Op::MatMul(MatMul(transpose)), right)
    }
}
