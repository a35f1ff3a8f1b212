//! Functions of one element, as data, defined once for the methods of [`Tensor`](crate::Tensor) and
//! the fused phases of [`rows`](crate::rows).

use std::fmt;
use std::hash::{Hash, Hasher};
use std::mem::discriminant;

use crate::cpu::simd::{Math, vectorize_math};
use crate::kernels::arithmetic::{clamp, larger, round_half_to_even};
use crate::scalar::Scalar;
use crate::vecmath::sigmoid_of_tail;

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
    /// The largest whole number that is not greater than `x`.
    Floor,
    /// The smallest whole number that is not less than `x`.
    Ceil,
    /// The nearest whole number; the even one of two.
    Round,
    /// `low` below `low`, `high` above `high`, else `x`; NaN stays.
    Clamp {
        /// The lower bound.
        low: f64,
        /// The upper bound, not less than the lower.
        high: f64,
    },
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

impl Hash for Unary {
    fn hash<H: Hasher>(&self, state: &mut H) {
        discriminant(self).hash(state);
        let mut number = |x: f64| (x + 0.0).to_bits().hash(state); // −0 equals 0
        match *self {
            Self::Powf(exponent) => number(exponent),
            Self::Clamp { low, high } => [low, high].into_iter().for_each(number),
            _ => {}
        }
    }
}

impl fmt::Display for Unary {
    /// The function's name, with its constants.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Powf(exponent) => write!(f, "powf({exponent})"),
            Self::Clamp { low, high } => write!(f, "clamp({low}, {high})"),
            _ => f.write_str(self.name()),
        }
    }
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
            Self::Floor => "floor",
            Self::Ceil => "ceil",
            Self::Round => "round",
            Self::Clamp { .. } => "clamp",
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
        matches!(
            self,
            Self::Identity
                | Self::Neg
                | Self::Abs
                | Self::Sign
                | Self::Floor
                | Self::Ceil
                | Self::Round
                | Self::Clamp { .. }
                | Self::Relu
        )
    }

    /// Runs a loop with this function. The loop is compiled once for each function.
    #[inline(always)]
    pub(crate) fn run<T: Scalar>(self, math: Math, over: impl UnaryLoop<T>) {
        macro_rules! run {
            (|$($x:ident),+| $y:expr) => {
                over.run(
                    #[inline(always)]
                    |$($x),+| $y,
                )
            };
        }
        match self {
            Self::Identity => run!(|x| x),
            Self::Neg => run!(|x| -x),
            Self::Abs => run!(|x| x.abs()),
            Self::Sign => run!(|x| if x == T::zero() || x.is_nan() { x.abs() } else { x.signum() }),
            Self::Floor => run!(|x| x.floor()),
            Self::Ceil => run!(|x| x.ceil()),
            Self::Round => run!(|x| round_half_to_even(x)),
            Self::Clamp { low, high } => {
                let (low, high) = (T::of(low), T::of(high));
                run!(|x| clamp(x, low, high));
            }
            Self::Square => run!(|x| x * x),
            Self::Sqrt => run!(|x| x.sqrt()),
            Self::Recip => run!(|x| x.recip()),
            Self::Exp => run!(|x| math.exp(x)),
            Self::Expm1 => run!(|x| math.expm1(x)),
            Self::Ln => run!(|x| math.ln(x)),
            Self::Log1p => run!(|x| math.log1p(x)),
            Self::Sin => run!(|x| x.sin()),
            Self::Cos => run!(|x| x.cos()),
            Self::Tanh => run!(|x| math.tanh(x)),
            Self::Erf => run!(|x| math.erf(x)),
            Self::Sigmoid => run!(|x| math.sigmoid(x)),
            Self::SigmoidTail => run!(|x| math.sigmoid_tail(x)),
            Self::SigmoidOfTail => run!(|x| sigmoid_of_tail(x)),
            Self::Relu => run!(|x| larger(x, T::zero())),
            Self::Softplus => run!(|x| math.softplus(x)),
            Self::LogSigmoid => run!(|x| -math.softplus(-x)),
            Self::Powf(exponent) => {
                let exponent = T::of(exponent);
                run!(|x| x.powf(exponent));
            }
        }
    }
}

/// A loop over elements, generic over the function that it applies.
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
