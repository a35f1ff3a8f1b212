//! The operands of equations.

use std::ops::{Add, Div, Mul, Neg, Sub};

use bptt_tensor::{Binary, Scalar, Tensor, Unary};

use super::graph::{Tape, Var};
use super::operation::Op;
use super::param::Param;

/// An operand of an operation with a variable: a [`Var`], a [`&Param`](Param), a
/// [`&Tensor`](Tensor) (a constant), or an `f64` literal, which is converted to the equation's
/// element type.
pub trait Operand<'t, T: Scalar> {
    /// The operand as a variable of this tape.
    fn on(self, tape: &'t Tape<T>) -> Var<'t, T>;
}

/// The variable itself, which must live on this tape. Its lifetime may differ from that of the
/// other operand: a cell may hold a variable, such as the memory of attention, although the
/// equations of its step know only the lifetime of their inputs.
impl<'t, T: Scalar> Operand<'t, T> for Var<'_, T> {
    #[track_caller]
    fn on(self, tape: &'t Tape<T>) -> Var<'t, T> {
        Var { tape, id: self.on_tape(tape) }
    }
}

impl<'t, T: Scalar> Operand<'t, T> for &Param<T> {
    #[track_caller]
    fn on(self, tape: &'t Tape<T>) -> Var<'t, T> {
        tape.param(self)
    }
}

impl<'t, T: Scalar> Operand<'t, T> for &Tensor<T> {
    #[track_caller]
    fn on(self, tape: &'t Tape<T>) -> Var<'t, T> {
        tape.constant(self.clone())
    }
}

impl<'t, T: Scalar> Operand<'t, T> for f64 {
    #[track_caller]
    fn on(self, tape: &'t Tape<T>) -> Var<'t, T> {
        tape.scalar(self)
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident) => {
        impl<'t, T: Scalar, R: Operand<'t, T>> $trait<R> for Var<'t, T> {
            type Output = Var<'t, T>;

            #[track_caller]
            fn $method(self, right: R) -> Var<'t, T> {
                let right = right.on(self.tape);
                self.tape.record(Op::Binary(Binary::$trait), &[self, right])
            }
        }

        operator!(@left f64, $trait, $method);
        operator!(@left &Param<T>, $trait, $method);
        operator!(@left &Tensor<T>, $trait, $method);
    };
    (@left $left:ty, $trait:ident, $method:ident) => {
        impl<'t, T: Scalar> $trait<Var<'t, T>> for $left {
            type Output = Var<'t, T>;

            #[track_caller]
            fn $method(self, right: Var<'t, T>) -> Var<'t, T> {
                self.on(right.tape).$method(right)
            }
        }
    };
}

operator!(Add, add);
operator!(Sub, sub);
operator!(Mul, mul);
operator!(Div, div);

impl<T: Scalar> Neg for Var<'_, T> {
    type Output = Self;

    #[track_caller]
    fn neg(self) -> Self {
        self.tape.record(Op::Unary(Unary::Neg), &[self])
    }
}
