//! Elementwise arithmetic and functions.

use crate::parallel::{CHUNK, for_chunks};
use crate::shape::{self, OrPanic};
use crate::simd::vectorize;
use crate::{Scalar, Tensor, vecmath};

/// Methods of two operands that broadcast.
macro_rules! binary {
    ($($(#[$doc:meta])* $name:ident($x:ident, $y:ident) = $value:expr;)*) => {
        impl<T: Scalar> Tensor<T> {
            $(
                $(#[$doc])*
                ///
                /// # Panics
                ///
                /// If the shapes do not broadcast.
                #[track_caller]
                #[must_use]
                pub fn $name(&self, other: &Self) -> Self {
                    self.zip(stringify!($name), other, #[inline(always)] |$x, $y| $value)
                }
            )*
        }
    };
}

binary! {
    /// `x + y`, broadcasting.
    add(x, y) = x + y;
    /// `x − y`, broadcasting.
    sub(x, y) = x - y;
    /// `x · y`, element by element, broadcasting.
    mul(x, y) = x * y;
    /// `x / y`, broadcasting.
    div(x, y) = x / y;
    /// The larger of `x` and `y`, broadcasting; NaN if either is.
    maximum(x, y) = larger(x, y);
    /// The smaller of `x` and `y`, broadcasting; NaN if either is.
    minimum(x, y) = smaller(x, y);
    /// 1 where `x > y`, 0 elsewhere, broadcasting.
    gt(x, y) = indicator(x > y);
    /// 1 where `x ≥ y`, 0 elsewhere, broadcasting.
    ge(x, y) = indicator(x >= y);
    /// 1 where `x < y`, 0 elsewhere, broadcasting.
    lt(x, y) = indicator(x < y);
    /// 1 where `x ≤ y`, 0 elsewhere, broadcasting.
    le(x, y) = indicator(x <= y);
    /// 1 where `x = y`, 0 elsewhere, broadcasting.
    equal(x, y) = indicator(x == y);
    /// 1 where `x ≠ y`, 0 elsewhere, broadcasting.
    not_equal(x, y) = indicator(x != y);
}

/// Methods of one operand.
macro_rules! unary {
    ($($(#[$doc:meta])* $name:ident($x:ident) = $value:expr;)*) => {
        impl<T: Scalar> Tensor<T> {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $name(&self) -> Self {
                    self.map(#[inline(always)] |$x| $value)
                }
            )*
        }
    };
}

unary! {
    /// `−x`
    neg(x) = -x;
    /// `|x|`
    abs(x) = x.abs();
    /// `x²`
    square(x) = x * x;
    /// `√x`
    sqrt(x) = x.sqrt();
    /// `1 / x`
    recip(x) = x.recip();
    /// `sin x`
    sin(x) = x.sin();
    /// `cos x`
    cos(x) = x.cos();
    /// `max(x, 0)`; NaN stays.
    relu(x) = larger(x, T::zero());
    /// −1, 0 or 1, as `x` is negative, zero (of either sign) or positive; NaN stays.
    sign(x) = if x == T::zero() || x.is_nan() { x.abs() } else { x.signum() };
}

/// Methods of one operand that are approximated in vector registers.
macro_rules! elementary {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        impl<T: Scalar> Tensor<T> {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $name(&self) -> Self {
                    self.map_slices(vecmath::$name)
                }
            )*
        }
    };
}

elementary! {
    /// `eˣ`, within 1 ULP in `f32` and `f64`.
    exp;
    /// The natural logarithm `ln x`, within 1 ULP in `f32` and `f64`.
    ln;
    /// `tanh x`, within 3 ULP in `f32` and `f64`.
    tanh;
    /// The logistic function `σ(x) = 1 / (1 + e⁻ˣ)`, within 3 ULP in `f32` and `f64`.
    sigmoid;
    /// `ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|)`, of which the second form does not overflow;
    /// within 2 ULP in `f32` and `f64`.
    softplus;
}

impl<T: Scalar> Tensor<T> {
    /// `xᵖ`
    #[must_use]
    pub fn powf(&self, exponent: T) -> Self {
        self.map(|x| x.powf(exponent))
    }

    /// `a` where `condition` is not zero, `b` elsewhere; the three broadcast.
    ///
    /// # Panics
    ///
    /// If the shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn select(condition: &Self, a: &Self, b: &Self) -> Self {
        let shape = shape::broadcast("select", a.shape(), b.shape()).or_panic();
        let shape = shape::broadcast("select", condition.shape(), &shape).or_panic();
        let (condition, a, b) =
            (condition.broadcast_to(&shape), a.broadcast_to(&shape), b.broadcast_to(&shape));
        let (c, a, b) = (condition.as_slice(), a.as_slice(), b.as_slice());
        Self::build(shape, |out| {
            for_chunks(out, |start, out| {
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

    /// `self ← self + other`
    ///
    /// # Panics
    ///
    /// If the shapes are not the same.
    #[track_caller]
    pub fn add_assign(&mut self, other: &Self) {
        self.update("add_assign", other, |x, y| x + y);
    }

    /// `self ← factor · self`
    pub fn scale_assign(&mut self, factor: T) {
        for_chunks(self.as_mut_slice(), |_, out| {
            vectorize(
                #[inline(always)]
                move || out.iter_mut().for_each(|x| *x *= factor),
            );
        });
    }

    /// `self ← alpha · other + self`
    ///
    /// # Panics
    ///
    /// If the shapes are not the same.
    #[track_caller]
    pub fn axpy(&mut self, alpha: T, other: &Self) {
        self.update("axpy", other, |x, y| x + alpha * y);
    }

    /// Whether no element is NaN or infinite.
    #[must_use]
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
