//! Elementwise arithmetic and functions.

use smallvec::SmallVec;

use crate::cpu::parallel::{CHUNK, for_chunks};
use crate::cpu::simd::vectorize;
use crate::kernels::binary::Binary;
use crate::kernels::unary::{Unary, apply};
use crate::rows::Kernel;
use crate::scalar::Scalar;
use crate::shape::{self, OrPanic, Shape};
use crate::tensor::{Operand, Tensor};

/// Defines methods on two operands that broadcast.
macro_rules! binary {
    ($($(#[$doc:meta])* $name:ident => $function:ident;)*) => {
        impl<T: Scalar> Tensor<T> {
            $(
                $(#[$doc])*
                ///
                /// # Panics
                ///
                /// If the shapes do not broadcast.
                #[track_caller]
                #[must_use]
                pub fn $name(&self, other: impl Operand<T>) -> Self {
                    self.binary(Binary::$function, &other.tensor())
                }
            )*
        }
    };
}

binary! {
    /// `xʸ`, broadcasting; NaN for a negative `x` unless `y` is an integer.
    pow => Pow;
    /// The remainder `x − y ⌊x / y⌋`, broadcasting. It has the sign of `y`, as in NumPy and Python, where Rust's `%`
    /// has the sign of `x`. It is `x mod y` for `y > 0`, and NaN for `y = 0`. Only the sum that moves a remainder of
    /// the other sign rounds; so the result for a tiny negative `x` may be `y` itself.
    rem => Rem;
    /// The larger of `x` and `y`, broadcasting; NaN if either is NaN.
    maximum => Maximum;
    /// The smaller of `x` and `y`, broadcasting; NaN if either is NaN.
    minimum => Minimum;
    /// `x · y`, but 0 where either factor is 0, even beside an infinity or a NaN, broadcasting: the
    /// product of the chain rule.
    chain_mul => ChainMul;
    /// `x / y`, but 0 where `x` is 0 or `y` is infinite, broadcasting: [`chain_mul`](Self::chain_mul)
    /// with `1 / y`, rounded once.
    chain_div => ChainDiv;
    /// 1 where `x > y`, 0 elsewhere, broadcasting.
    gt => Greater;
    /// 1 where `x ≥ y`, 0 elsewhere, broadcasting.
    ge => GreaterEqual;
    /// 1 where `x < y`, 0 elsewhere, broadcasting.
    lt => Less;
    /// 1 where `x ≤ y`, 0 elsewhere, broadcasting.
    le => LessEqual;
    /// 1 where `x = y`, 0 elsewhere, broadcasting.
    equal => Equal;
    /// 1 where `x ≠ y`, 0 elsewhere, broadcasting.
    not_equal => NotEqual;
}

/// Defines methods on one operand.
macro_rules! unary {
    ($($(#[$doc:meta])* $name:ident => $function:ident;)*) => {
        impl<T: Scalar> Tensor<T> {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $name(&self) -> Self {
                    self.unary(Unary::$function)
                }
            )*
        }
    };
}

unary! {
    /// `|x|`
    abs => Abs;
    /// `x²`
    square => Square;
    /// `√x`
    sqrt => Sqrt;
    /// `1 / x`
    recip => Recip;
    /// `sin x`
    sin => Sin;
    /// `cos x`
    cos => Cos;
    /// `max(x, 0)`; NaN stays.
    relu => Relu;
    /// −1, 0 or 1, as `x` is negative, zero (of either sign) or positive; NaN stays.
    sign => Sign;
    /// `⌊x⌋`, the largest whole number that is not greater than `x`.
    floor => Floor;
    /// `⌈x⌉`, the smallest whole number that is not less than `x`.
    ceil => Ceil;
    /// The nearest whole number. A half is rounded to the even one, as in NumPy: 2.5 to 2.
    round => Round;
    /// `eˣ`, within 1 ULP in `f32` and `f64`.
    exp => Exp;
    /// The natural logarithm `ln x`, within 1 ULP in `f32` and `f64`.
    ln => Ln;
    /// `eˣ − 1`, within 2 ULP in `f32` and `f64`, near 0 as well.
    expm1 => Expm1;
    /// `ln(1 + x)`, within 2 ULP in `f32` and `f64`, near 0 as well.
    log1p => Log1p;
    /// `tanh x`, within 3 ULP in `f32` and `f64`.
    tanh => Tanh;
    /// The error function `2/√π ∫₀ˣ e⁻ᵗ² dt`, within 2 ULP in `f32` and `f64`.
    erf => Erf;
    /// The logistic function `σ(x) = 1 / (1 + e⁻ˣ)`, within 3 ULP in `f32` and `f64`.
    sigmoid => Sigmoid;
    /// `ln(1 + eˣ)`, computed as `max(x, 0) + ln(1 + e^−|x|)`, which does not overflow; within 2
    /// ULP in `f32` and `f64`.
    softplus => Softplus;
    /// `ln σ(x) = −ln(1 + e⁻ˣ)`, which does not overflow; within 2 ULP in `f32` and `f64`.
    log_sigmoid => LogSigmoid;
}

impl<T: Scalar> Tensor<T> {
    /// `xᵖ`
    #[must_use]
    pub fn powf(&self, exponent: f64) -> Self {
        self.unary(Unary::Powf(exponent))
    }

    /// `low` where `x < low`, `high` where `x > high`, else `x`; NaN stays.
    ///
    /// # Panics
    ///
    /// Unless `low ≤ high`.
    #[track_caller]
    #[must_use]
    pub fn clamp(&self, low: f64, high: f64) -> Self {
        assert!(low <= high, "clamp: the bounds {low} and {high} are not in ascending order");
        self.unary(Unary::Clamp { low, high })
    }

    /// Applies a function to each element.
    #[doc(hidden)]
    #[must_use]
    #[inline(never)]
    pub fn unary(&self, function: Unary) -> Self {
        self.map_slices(&|x, y| apply(function, x, y))
    }

    /// Applies a function to pairs of elements of two tensors that broadcast as in NumPy.
    ///
    /// # Panics
    ///
    /// If the shapes do not broadcast.
    #[doc(hidden)]
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn binary(&self, function: Binary, other: &Self) -> Self {
        self.zip_chunks(function.name(), other, &|chunk| function.run(chunk))
    }

    /// `chosen` where this tensor (the condition) is not zero, `other` elsewhere, broadcasting all
    /// three.
    ///
    /// # Panics
    ///
    /// If the shapes do not broadcast.
    #[expect(clippy::needless_pass_by_value, reason = "references are operands themselves")]
    #[track_caller]
    #[must_use]
    pub fn select(&self, chosen: impl Operand<T>, other: impl Operand<T>) -> Self {
        self.choose(&chosen.tensor(), &other.tensor())
    }

    #[track_caller]
    #[inline(never)]
    pub(crate) fn choose(&self, a: &Self, b: &Self) -> Self {
        let shape = shape::broadcast("select", a.shape(), b.shape()).or_panic();
        let shape = shape::broadcast("select", self.shape(), &shape).or_panic();
        let (condition, a, b) =
            (self.broadcast_to(&shape), a.broadcast_to(&shape), b.broadcast_to(&shape));
        let (c, a, b) = (condition.as_slice(), a.as_slice(), b.as_slice());
        Self::build(shape, |out| {
            for_chunks(out, &|start, out| {
                let part = start..start + out.len();
                let (c, a, b) = (&c[part.clone()], &a[part.clone()], &b[part]);
                vectorize(
                    #[inline(always)]
                    move || {
                        for (((out, &c), &a), &b) in out.iter_mut().zip(c).zip(a).zip(b) {
                            *out = if c == T::zero() { b } else { a };
                        }
                    },
                );
            });
        })
    }

    /// The tensor that a kernel computes from tensors that broadcast. `operation` names the caller in messages.
    ///
    /// # Panics
    ///
    /// If the shapes do not broadcast.
    #[doc(hidden)]
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn of_kernel(operation: &'static str, kernel: &Kernel<T>, inputs: &[&Self]) -> Self {
        let mut shape = Shape::from([]);
        for input in inputs {
            shape = shape::broadcast(operation, &shape, input.shape()).or_panic();
        }
        let inputs: Vec<Self> = inputs.iter().map(|input| input.stretch(&shape)).collect();
        Self::build(shape, |out| {
            for_chunks(out, &|start, out| {
                let part = start..start + out.len();
                let inputs: SmallVec<[&[T]; 3]> =
                    inputs.iter().map(|input| &input.as_slice()[part.clone()]).collect();
                kernel.run(&inputs, out);
            });
        })
    }

    /// `self ← alpha · other + self`
    ///
    /// # Panics
    ///
    /// If the shapes are not the same.
    #[track_caller]
    #[inline(never)]
    pub fn axpy(&mut self, alpha: T, other: &Self) {
        shape::same("axpy", self.shape(), other.shape()).or_panic();
        self.update("axpy", other, |x, y| x + alpha * y);
    }

    /// Whether no element is NaN or infinite.
    #[must_use]
    #[inline(never)]
    pub fn is_finite(&self) -> bool {
        let finite = |part: &[T]| {
            vectorize(
                #[inline(always)]
                move || part.iter().fold(true, |finite, x| finite & x.is_finite()),
            )
        };
        self.as_slice().chunks(CHUNK).all(finite)
    }
}
