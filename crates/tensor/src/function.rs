//! Functions of one or two elements, as data: each stands here once, for the methods of
//! [`Tensor`](crate::Tensor) and for the fused programs of [`rows`](crate::rows) alike.

use num_traits::Float;

use crate::Scalar;
use crate::simd::{Math, vectorize_math};

/// A function of one element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unary {
    /// `x`
    Identity,
    /// `−x`
    Neg,
    /// `|x|`
    Abs,
    /// −1, 0 or 1, as `x` is negative, zero (of either sign) or positive; NaN stays.
    Sign,
    /// `x²`
    Square,
    /// `√x`
    Sqrt,
    /// `1 / x`
    Recip,
    /// `eˣ`
    Exp,
    /// `eˣ − 1`, without cancellation near 0.
    Expm1,
    /// The natural logarithm.
    Ln,
    /// `ln(1 + x)`, without cancellation near 0.
    Log1p,
    /// `sin x`
    Sin,
    /// `cos x`
    Cos,
    /// `tanh x`
    Tanh,
    /// The error function.
    Erf,
    /// `1 / (1 + e⁻ˣ)`
    Sigmoid,
    /// The tail of the logistic function: `σ(x)` for `x < 0`, else `σ(x) − 1`. It keeps all digits where `σ(x)`
    /// rounds to 1.
    SigmoidTail,
    /// `σ` from its [tail](Self::SigmoidTail): 1 is added where the sign bit is set.
    SigmoidOfTail,
    /// `max(x, 0)`; NaN stays.
    Relu,
    /// `ln(1 + eˣ)`
    Softplus,
    /// `ln σ(x) = −ln(1 + e⁻ˣ)`
    LogSigmoid,
    /// `xᵖ`
    Powf(f64),
}

impl Unary {
    /// The function's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Neg => "neg",
            Self::Abs => "abs",
            Self::Sign => "sign",
            Self::Square => "square",
            Self::Sqrt => "sqrt",
            Self::Recip => "recip",
            Self::Exp => "exp",
            Self::Expm1 => "expm1",
            Self::Ln => "ln",
            Self::Log1p => "log1p",
            Self::Sin => "sin",
            Self::Cos => "cos",
            Self::Tanh => "tanh",
            Self::Erf => "erf",
            Self::Sigmoid => "sigmoid",
            Self::SigmoidTail => "sigmoid_tail",
            Self::SigmoidOfTail => "sigmoid_of_tail",
            Self::Relu => "relu",
            Self::Softplus => "softplus",
            Self::LogSigmoid => "log_sigmoid",
            Self::Powf(_) => "powf",
        }
    }

    /// Whether the result is exact: no rounding takes place.
    #[must_use]
    pub fn is_exact(self) -> bool {
        matches!(self, Self::Identity | Self::Neg | Self::Abs | Self::Sign | Self::Relu)
    }

    /// Hands the function to a loop, which is compiled for each.
    #[inline(always)]
    pub(crate) fn run<T: Scalar>(self, math: Math, over: impl UnaryLoop<T>) {
        match self {
            Self::Identity => over.run(
                #[inline(always)]
                |x| x,
            ),
            Self::Neg => over.run(
                #[inline(always)]
                |x| -x,
            ),
            Self::Abs => over.run(
                #[inline(always)]
                |x| x.abs(),
            ),
            Self::Sign => {
                over.run(
                    #[inline(always)]
                    |x| if x == T::zero() || x.is_nan() { x.abs() } else { x.signum() },
                );
            }
            Self::Square => over.run(
                #[inline(always)]
                |x| x * x,
            ),
            Self::Sqrt => over.run(
                #[inline(always)]
                |x| x.sqrt(),
            ),
            Self::Recip => over.run(
                #[inline(always)]
                |x| x.recip(),
            ),
            Self::Exp => over.run(
                #[inline(always)]
                |x| math.exp(x),
            ),
            Self::Expm1 => over.run(
                #[inline(always)]
                |x| math.expm1(x),
            ),
            Self::Ln => over.run(
                #[inline(always)]
                |x| math.ln(x),
            ),
            Self::Log1p => over.run(
                #[inline(always)]
                |x| math.log1p(x),
            ),
            Self::Sin => over.run(
                #[inline(always)]
                |x| x.sin(),
            ),
            Self::Cos => over.run(
                #[inline(always)]
                |x| x.cos(),
            ),
            Self::Tanh => over.run(
                #[inline(always)]
                |x| math.tanh(x),
            ),
            Self::Erf => over.run(
                #[inline(always)]
                |x| math.erf(x),
            ),
            Self::Sigmoid => over.run(
                #[inline(always)]
                |x| math.sigmoid(x),
            ),
            Self::SigmoidTail => over.run(
                #[inline(always)]
                |x| math.sigmoid_tail(x),
            ),
            Self::SigmoidOfTail => over.run(
                #[inline(always)]
                |x| sigmoid_of_tail(x),
            ),
            Self::Relu => over.run(
                #[inline(always)]
                |x| larger(x, T::zero()),
            ),
            Self::Softplus => over.run(
                #[inline(always)]
                |x| math.softplus(x),
            ),
            Self::LogSigmoid => over.run(
                #[inline(always)]
                |x| -math.softplus(-x),
            ),
            Self::Powf(exponent) => {
                let exponent = T::of(exponent);
                over.run(
                    #[inline(always)]
                    |x| x.powf(exponent),
                );
            }
        }
    }
}

/// A loop over elements, generic in what is done to them.
pub(crate) trait UnaryLoop<T> {
    fn run(self, f: impl Fn(T) -> T);
}

/// `y ← f(x)` over slices of the same length.
pub(crate) fn apply<T: Scalar>(function: Unary, x: &[T], y: &mut [T]) {
    struct Slices<'a, T>(&'a [T], &'a mut [T]);

    impl<T: Scalar> UnaryLoop<T> for Slices<'_, T> {
        #[inline(always)]
        fn run(self, f: impl Fn(T) -> T) {
            for (y, &x) in self.1.iter_mut().zip(self.0) {
                *y = f(x);
            }
        }
    }

    assert_eq!(x.len(), y.len(), "a result must be as long as its argument");
    vectorize_math(
        #[inline(always)]
        move |math| function.run(math, Slices(x, y)),
    );
}

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
    /// `x · y`, but 0 where either factor is 0, even beside an infinity or a NaN: the product of the chain rule. A
    /// cotangent of 0 stays 0 whatever the slope is, and a slope of 0 gives 0 whatever the cotangent is.
    ChainMul,
    /// `x / y`, but 0 where `x` is 0 or `y` is infinite: the [`ChainMul`](Self::ChainMul) of `x` and `1 / y`.
    ChainDiv,
    /// `x σ`, where `y` is the [tail](Unary::SigmoidTail) of the logistic function `σ`: the product with a gate, in
    /// one sweep.
    Gate,
    /// The same as a [`ChainMul`](Self::ChainMul).
    ChainGate,
    /// `xʸ`
    Pow,
    /// The larger; NaN if either is.
    Maximum,
    /// The smaller; NaN if either is.
    Minimum,
    /// `x (1 − y²)`, a [`ChainMul`](Self::ChainMul) with the slope of a hyperbolic tangent whose output is `y`.
    /// A function of its own because the reverse pass of every gate takes it: one sweep in place of three.
    TanhVjp,
    /// `x |s| (1 − |s|)`: likewise for the logistic function whose [tail](Unary::SigmoidTail) is `s`.
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

    /// Hands the function to a loop, which is compiled for each.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn run<T: Scalar, R>(self, over: impl BinaryLoop<T, Output = R>) -> R {
        match self {
            Self::Add => over.run(
                #[inline(always)]
                |x, y| x + y,
            ),
            Self::Sub => over.run(
                #[inline(always)]
                |x, y| x - y,
            ),
            Self::Mul => over.run(
                #[inline(always)]
                |x, y| x * y,
            ),
            Self::Div => over.run(
                #[inline(always)]
                |x, y| x / y,
            ),
            Self::ChainMul => over.run(
                #[inline(always)]
                |x, y| chain_mul(x, y),
            ),
            Self::ChainDiv => over.run(
                #[inline(always)]
                |x, y| chain_div(x, y),
            ),
            Self::Gate => over.run(
                #[inline(always)]
                |x, tail| x * sigmoid_of_tail(tail),
            ),
            Self::ChainGate => over.run(
                #[inline(always)]
                |x, tail| chain_mul(x, sigmoid_of_tail(tail)),
            ),
            Self::Pow => over.run(
                #[inline(always)]
                |x, y| x.powf(y),
            ),
            Self::Maximum => over.run(
                #[inline(always)]
                |x, y| larger(x, y),
            ),
            Self::Minimum => over.run(
                #[inline(always)]
                |x, y| smaller(x, y),
            ),
            Self::TanhVjp => over.run(
                #[inline(always)]
                |x, y| chain_mul(x, T::one() - y * y),
            ),
            Self::SigmoidVjp => over.run(
                #[inline(always)]
                |x, s| chain_mul(x, s.abs() * (T::one() - s.abs())),
            ),
            Self::Greater => over.run(
                #[inline(always)]
                |x, y| indicator(x > y),
            ),
            Self::GreaterEqual => over.run(
                #[inline(always)]
                |x, y| indicator(x >= y),
            ),
            Self::Less => over.run(
                #[inline(always)]
                |x, y| indicator(x < y),
            ),
            Self::LessEqual => over.run(
                #[inline(always)]
                |x, y| indicator(x <= y),
            ),
            Self::Equal => over.run(
                #[inline(always)]
                |x, y| indicator(x == y),
            ),
            Self::NotEqual => over.run(
                #[inline(always)]
                |x, y| indicator(x != y),
            ),
        }
    }
}

/// A loop over pairs of elements, generic in what is done to them.
pub(crate) trait BinaryLoop<T> {
    type Output;

    #[track_caller]
    fn run(self, f: impl Fn(T, T) -> T + Copy + Sync) -> Self::Output;
}

/// [`Unary::SigmoidOfTail`]
#[inline(always)]
pub(crate) fn sigmoid_of_tail<T: Float>(tail: T) -> T {
    if tail.is_sign_negative() { tail + T::one() } else { tail }
}

/// [`Binary::ChainMul`]
#[inline(always)]
pub(crate) fn chain_mul<T: Scalar>(x: T, y: T) -> T {
    // `&` rather than `&&`, which would be a branch
    if (x != T::zero()) & (y != T::zero()) { x * y } else { T::zero() }
}

/// [`Binary::ChainDiv`]
#[inline(always)]
fn chain_div<T: Scalar>(x: T, y: T) -> T {
    if (x != T::zero()) & !y.is_infinite() { x / y } else { T::zero() }
}

/// The larger; NaN if either is.
#[inline(always)]
pub(crate) fn larger<T: Scalar>(x: T, y: T) -> T {
    if x > y || x.is_nan() { x } else { y }
}

/// The smaller; NaN if either is.
#[inline(always)]
pub(crate) fn smaller<T: Scalar>(x: T, y: T) -> T {
    if x < y || x.is_nan() { x } else { y }
}

#[inline(always)]
fn indicator<T: Scalar>(holds: bool) -> T {
    if holds { T::one() } else { T::zero() }
}
