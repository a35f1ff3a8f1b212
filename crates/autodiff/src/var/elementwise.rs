//! Elementwise functions.

use bptt_tensor::{Binary, Scalar, Unary};

use crate::tape::primitive::{Select, StopGradient};
use crate::tape::{Op, Operand, Var};

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

            /// `low` where `x < low`, `high` where `x > high`, else `x`. The derivative is 1 between
            /// the bounds and 0 beyond them. At a bound it is ½, the mean of both sides.
            ///
            /// Bounds that are variables or tensors take [`maximum`](Self::maximum) and
            /// [`minimum`](Self::minimum).
            ///
            /// ```
            /// # use bptt_autodiff::Tape;
            /// # use bptt_tensor::Tensor;
            /// let tape = Tape::new();
            /// let x = tape.variable(Tensor::from([-3.0, 0.5, 1.0]));
            /// let y = x.clamp(-1.0, 1.0);
            /// assert_eq!(y.value().to_vec(), [-1.0, 0.5, 1.0]);
            /// assert_eq!(tape.backward(y.sum_all()).wrt(x).to_vec(), [0.0, 1.0, 0.5]);
            /// ```
            ///
            /// # Panics
            ///
            /// Unless `low ≤ high`.
            #[track_caller]
            #[must_use]
            pub fn clamp(self, low: f64, high: f64) -> Self {
                assert!(low <= high, "clamp: the bounds {low} and {high} are not in ascending order");
                self.unary(Op::Unary(Unary::Clamp { low, high }))
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
    /// `⌊x⌋`, the largest whole number that is not greater than `x`. Its gradient is zero.
    floor => Floor;
    /// `⌈x⌉`, the smallest whole number that is not less than `x`. Its gradient is zero.
    ceil => Ceil;
    /// The nearest whole number. A half is rounded to the even one, as in NumPy: 2.5 to 2. Its gradient is zero.
    round => Round;
}

/// Elementwise functions of two operands, which broadcast.
impl<'t, T: Scalar> Var<'t, T> {
    /// `xᵖ`, elementwise, with an exponent that is an operand as well. For a constant exponent, see
    /// [`powf`](Self::powf).
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

    /// The remainder `x − y ⌊x / y⌋` of a division by `y` (`divisor`), elementwise. It has the sign of the divisor, as
    /// in NumPy, JAX and PyTorch, where Rust's `%` has the sign of `x`.
    ///
    /// `∂x = 1` and `∂y = −⌊x / y⌋`; the jumps at multiples of the divisor have no part in them.
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_tensor::Tensor;
    /// let tape = Tape::new();
    /// let t = tape.variable(Tensor::from([-0.5, 1.5, 7.0]));
    /// let phase = t.rem(2.0); // within [0, 2)
    /// assert_eq!(phase.value().to_vec(), [1.5, 1.5, 1.0]);
    /// assert_eq!(tape.backward(phase.sum_all()).wrt(t).to_vec(), [1.0, 1.0, 1.0]);
    /// ```
    #[doc(alias = "remainder")]
    #[doc(alias = "mod")]
    #[track_caller]
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "`%` has the sign of the dividend")]
    pub fn rem(self, divisor: impl Operand<'t, T>) -> Self {
        self.with(Op::Binary(Binary::Rem), divisor)
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

    /// `self · slope`, but 0 where either factor is 0, even beside an infinity or a NaN: the
    /// product of the chain rule, for gradient rules of elementwise functions. An element that
    /// [`select`](Self::select) does not choose has a cotangent of 0. With this product, it does
    /// not affect any gradient, whatever its value. An ordinary product would give `0 · ∞ = NaN`.
    ///
    /// Matrix products are ordinary: they are sums, in which a NaN affects all elements.
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

    /// The cotangent of `tanh`'s input, from the cotangent of its output (`self`) and the output.
    pub(crate) fn tanh_vjp(self, output: Self) -> Self {
        self.with(Op::Binary(Binary::TanhVjp), output)
    }

    /// The cotangent of `sigmoid`'s input, from the cotangent of its output (`self`) and the output's tail.
    pub(crate) fn sigmoid_vjp(self, tail: Self) -> Self {
        self.with(Op::Binary(Binary::SigmoidVjp), tail)
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

    /// 1 where the elements differ, else 0.
    #[track_caller]
    #[must_use]
    pub fn not_equal(self, other: impl Operand<'t, T>) -> Self {
        self.with(Op::Binary(Binary::NotEqual), other)
    }

    /// `chosen` where `self` (the condition) is not zero, `other` elsewhere. An element that is not
    /// selected may be anything, even NaN: it affects neither the value nor gradients of any order.
    /// This holds if elementwise functions computed it, but not for matrix products.
    #[track_caller]
    #[must_use]
    pub fn select(self, chosen: impl Operand<'t, T>, other: impl Operand<'t, T>) -> Self {
        let (chosen, other) = (chosen.on(self.tape), other.on(self.tape));
        self.tape.record(Op::Select(Select), &[self, chosen, other])
    }

    /// The same value as a constant: no gradient flows through it.
    #[track_caller]
    #[must_use]
    pub fn stop_gradient(self) -> Self {
        self.unary(Op::StopGradient(StopGradient))
    }
}
