//! Functions of two elements, as data, defined once for the methods of [`Tensor`](crate::Tensor)
//! and the fused phases of [`rows`](crate::rows).

use crate::kernels::arithmetic::{chain_div, chain_mul, indicator, larger, remainder, smaller};
use crate::scalar::Scalar;
use crate::vecmath::sigmoid_of_tail;

/// A function of two elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Binary {
    /// `x + y`
    Add,
    /// `x − y`
    Sub,
    /// `x · y`
    Mul,
    /// `x / y`
    Div,
    /// The remainder `x − y ⌊x / y⌋`, with the sign of `y`.
    Rem,
    /// The product of the chain rule: `x · y`, but 0 where either factor is 0, even beside an
    /// infinity or a NaN. So a cotangent of 0 stays 0 for any derivative, and a derivative of 0
    /// gives 0 for any cotangent.
    ChainMul,
    /// `x / y`, but 0 where `x` is 0 or `y` is infinite: the [`ChainMul`](Self::ChainMul) of `x` and `1 / y`.
    ChainDiv,
    /// `x σ`, where `y` is the [tail](crate::Unary::SigmoidTail) of the logistic function `σ`: the
    /// product with a gate, in one sweep over memory.
    Gate,
    /// [`Gate`](Self::Gate) as a [`ChainMul`](Self::ChainMul).
    ChainGate,
    /// `xʸ`
    Pow,
    /// The larger of `x` and `y`; NaN if either is NaN.
    Maximum,
    /// The smaller of `x` and `y`; NaN if either is NaN.
    Minimum,
    /// `x (1 − y²)` as a [`ChainMul`](Self::ChainMul): the VJP of `tanh`, for output `y` and
    /// cotangent `x`. Fused because the reverse pass of every gate computes it: one sweep over
    /// memory in place of three.
    TanhVjp,
    /// `x |s| (1 − |s|)`, the VJP of the logistic function whose [tail](crate::Unary::SigmoidTail)
    /// is `s`.
    SigmoidVjp,
    /// 1 where `x > y`, else 0.
    Greater,
    /// 1 where `x ≥ y`, else 0.
    GreaterEqual,
    /// 1 where `x < y`, else 0.
    Less,
    /// 1 where `x ≤ y`, else 0.
    LessEqual,
    /// 1 where `x = y`, else 0.
    Equal,
    /// 1 where `x ≠ y`, else 0.
    NotEqual,
}

impl Binary {
    /// The function's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Sub => "sub",
            Self::Mul => "mul",
            Self::Div => "div",
            Self::Rem => "rem",
            Self::ChainMul => "chain_mul",
            Self::ChainDiv => "chain_div",
            Self::Gate => "gate",
            Self::ChainGate => "chain_gate",
            Self::Pow => "pow",
            Self::Maximum => "maximum",
            Self::Minimum => "minimum",
            Self::TanhVjp => "tanh_vjp",
            Self::SigmoidVjp => "sigmoid_vjp",
            Self::Greater => "gt",
            Self::GreaterEqual => "ge",
            Self::Less => "lt",
            Self::LessEqual => "le",
            Self::Equal => "equal",
            Self::NotEqual => "not_equal",
        }
    }

    /// Whether the result is exact: no rounding takes place.
    #[must_use]
    pub fn is_exact(self) -> bool {
        match self {
            Self::Add
            | Self::Sub
            | Self::Mul
            | Self::Div
            | Self::Rem
            | Self::ChainMul
            | Self::ChainDiv
            | Self::Gate
            | Self::ChainGate
            | Self::Pow
            | Self::TanhVjp
            | Self::SigmoidVjp => false,
            Self::Maximum
            | Self::Minimum
            | Self::Greater
            | Self::GreaterEqual
            | Self::Less
            | Self::LessEqual
            | Self::Equal
            | Self::NotEqual => true,
        }
    }

    /// Runs a loop with this function. The loop is compiled once for each function.
    #[inline(always)]
    pub(crate) fn run<T: Scalar>(self, over: impl BinaryLoop<T>) {
        macro_rules! run {
            (|$($x:ident),+| $y:expr) => {
                over.run(
                    #[inline(always)]
                    |$($x),+| $y,
                )
            };
        }
        match self {
            Self::Add => run!(|x, y| x + y),
            Self::Sub => run!(|x, y| x - y),
            Self::Mul => run!(|x, y| x * y),
            Self::Div => run!(|x, y| x / y),
            Self::Rem => run!(|x, y| remainder(x, y)),
            Self::ChainMul => run!(|x, y| chain_mul(x, y)),
            Self::ChainDiv => run!(|x, y| chain_div(x, y)),
            Self::Gate => run!(|x, tail| x * sigmoid_of_tail(tail)),
            Self::ChainGate => run!(|x, tail| chain_mul(x, sigmoid_of_tail(tail))),
            Self::Pow => run!(|x, y| x.powf(y)),
            Self::Maximum => run!(|x, y| larger(x, y)),
            Self::Minimum => run!(|x, y| smaller(x, y)),
            Self::TanhVjp => run!(|x, y| chain_mul(x, T::one() - y * y)),
            Self::SigmoidVjp => run!(|x, s| chain_mul(x, s.abs() * (T::one() - s.abs()))),
            Self::Greater => run!(|x, y| indicator(x > y)),
            Self::GreaterEqual => run!(|x, y| indicator(x >= y)),
            Self::Less => run!(|x, y| indicator(x < y)),
            Self::LessEqual => run!(|x, y| indicator(x <= y)),
            Self::Equal => run!(|x, y| indicator(x == y)),
            Self::NotEqual => run!(|x, y| indicator(x != y)),
        }
    }
}

/// A loop over pairs of elements, generic over the function that it applies.
pub(crate) trait BinaryLoop<T> {
    fn run(self, f: impl Fn(T, T) -> T + Copy);
}
