//! Reference results of about 30 digits, by arithmetic on unevaluated sums of two `f64`s.
//!
//! Dekker, "A floating-point technique for extending the available precision" (1971).

use std::f64::consts::{FRAC_2_SQRT_PI, LN_2};
use std::ops::{Add, Div, Mul, Neg, Sub};

/// `high + low`, where `high` is the sum rounded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wide {
    pub(super) high: f64,
    pub(super) low: f64,
}

/// `value · 2^exponent`, so that a result among the subnormal numbers keeps its digits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exact {
    pub(super) value: Wide,
    pub(super) exponent: i32,
}

const ONE: Wide = Wide { high: 1.0, low: 0.0 };

impl From<f64> for Wide {
    fn from(x: f64) -> Self {
        Wide { high: x, low: 0.0 }
    }
}

impl Wide {
    /// `a + b` without error.
    fn sum(a: f64, b: f64) -> Self {
        let high = a + b;
        let b_part = high - a;
        Wide { high, low: (a - (high - b_part)) + (b - b_part) }
    }

    /// `a · b` without error.
    fn product(a: f64, b: f64) -> Self {
        let high = a * b;
        Wide { high, low: a.mul_add(b, -high) }
    }

    fn scaled(self, power: f64) -> Self {
        Wide { high: self.high * power, low: self.low * power }
    }
}

impl Neg for Wide {
    type Output = Self;
    fn neg(self) -> Self {
        self.scaled(-1.0)
    }
}

impl Add for Wide {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let high = Wide::sum(self.high, other.high);
        let low = Wide::sum(self.low, other.low);
        let sum = Wide::sum(high.high, high.low + low.high);
        Wide::sum(sum.high, sum.low + low.low)
    }
}

impl Sub for Wide {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Wide {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let p = Wide::product(self.high, other.high);
        Wide::sum(p.high, p.low + (self.high * other.low + self.low * other.high))
    }
}

impl Div for Wide {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let first = self.high / other.high;
        let rest = self - other * Wide::from(first);
        let second = rest.high / other.high;
        let rest = rest - other * Wide::from(second);
        Wide::sum(first, second) + Wide::from(rest.high / other.high)
    }
}

/// `(p, n)` with `e^x = 2^n (1 + p)`: `p` by its Taylor series.
fn expm1_parts(x: f64) -> (Wide, i32) {
    const LN_2_WIDE: Wide = Wide { high: LN_2, low: 2.319_046_813_846_299_6e-17 };
    let n = (x / LN_2).round();
    let r = Wide::from(x) - LN_2_WIDE * Wide::from(n);
    let series = (2..30).rev().fold(ONE, |sum, k| ONE + sum * r / Wide::from(f64::from(k)));
    (r * series, n as i32)
}

fn expm1_unscaled(x: f64) -> Wide {
    let (p, n) = expm1_parts(x);
    let power = 2f64.powi(n);
    p.scaled(power) + Wide::sum(power, -1.0)
}

/// `ln(1 + z)`: one Newton step from `std`'s result `l`, which doubles its digits.
fn ln_1p(z: Wide) -> Wide {
    let l = z.high.ln_1p();
    Wide::from(l) + (z - expm1_unscaled(l)) / (ONE + z)
}

pub(super) fn exp(x: f64) -> Exact {
    // Below -800 the result rounds to zero. The bound keeps the exponent of moderate size.
    let (p, exponent) = expm1_parts(x.max(-800.0));
    Exact { value: ONE + p, exponent }
}

pub(super) fn expm1(x: f64) -> Exact {
    if x < 1.0 {
        return Exact { value: expm1_unscaled(x.max(-800.0)), exponent: 0 };
    }
    let Exact { value, exponent } = exp(x);
    Exact { value: value - Wide::from(2f64.powi(-exponent)), exponent }
}

pub(super) fn log1p(x: f64) -> Exact {
    if x < 1.0 {
        return Exact { value: ln_1p(Wide::from(x)), exponent: 0 };
    }
    let sum = Wide::sum(x, 1.0);
    Exact { value: ln(sum.high).value + Wide::from(sum.low / sum.high), exponent: 0 }
}

pub(super) fn ln(x: f64) -> Exact {
    // Near one, `ln(1 + (x - 1))` with its exact `x - 1`; elsewhere a Newton step: `x e^-l - 1`.
    let value = if (0.5..2.0).contains(&x) {
        ln_1p(Wide::from(x - 1.0))
    } else {
        let l = x.ln();
        let power = exp(-l);
        let half = power.exponent / 2;
        let x = x * 2f64.powi(half) * 2f64.powi(power.exponent - half);
        Wide::from(l) + (power.value * Wide::from(x) - ONE)
    };
    Exact { value, exponent: 0 }
}

pub(super) fn tanh(x: f64) -> Exact {
    let e = expm1_unscaled(2.0 * x.abs().min(300.0));
    let magnitude = e / (e + Wide::from(2.0));
    Exact { value: magnitude.scaled(x.signum()), exponent: 0 }
}

pub(super) fn sigmoid(x: f64) -> Exact {
    let z = exp(-x.abs());
    let unscaled = z.value.scaled(2f64.powi(z.exponent));
    if x < 0.0 {
        Exact { value: z.value / (ONE + unscaled), exponent: z.exponent }
    } else {
        Exact { value: ONE / (ONE + unscaled), exponent: 0 }
    }
}

pub(super) fn softplus(x: f64) -> Exact {
    let z = exp(-x.abs());
    let unscaled = z.value.scaled(2f64.powi(z.exponent));
    if x < -100.0 {
        // ln(1 + z) = z to 40 digits.
        z
    } else {
        let value = Wide::from(x.max(0.0)) + ln_1p(unscaled);
        Exact { value, exponent: 0 }
    }
}

/// `erf x = 2/√π e^-x² Σ_k 2^k x^(2k+1) / (2k+1)!!`, a series whose terms all have one sign.
pub(super) fn erf(x: f64) -> Exact {
    const TWO_OVER_SQRT_PI: Wide = Wide { high: FRAC_2_SQRT_PI, low: 1.533_545_961_316_588e-17 };
    if x.abs() > 8.0 {
        // 1 to 28 digits.
        return Exact { value: Wide::from(x.signum()), exponent: 0 };
    }
    if x.abs() < 1e-50 {
        // The first term to 100 digits.
        return Exact { value: TWO_OVER_SQRT_PI * Wide::from(x * 2f64.powi(300)), exponent: -300 };
    }
    let square = Wide::product(x, x);
    let (mut term, mut sum, mut k) = (Wide::from(x), Wide::from(x), 0.0);
    while term.high.abs() > 1e-33 * sum.high.abs() {
        k += 1.0;
        term = term * square * Wide::from(2.0) / Wide::from(2.0 * k + 1.0);
        sum = sum + term;
    }
    let power = exp(-square.high);
    let power = power.value.scaled(2f64.powi(power.exponent)) * (ONE - Wide::from(square.low));
    Exact { value: TWO_OVER_SQRT_PI * power * sum, exponent: 0 }
}

/// The same series in plain `f64`, accurate to 13 digits.
pub(super) fn erf_f64(x: f64) -> f64 {
    if x.abs() > 6.0 {
        return x.signum();
    }
    let (mut term, mut sum, mut k) = (x, x, 0.0);
    while term.abs() > 1e-17 * sum.abs() {
        k += 1.0;
        term *= x * x / (k + 0.5);
        sum += term;
    }
    FRAC_2_SQRT_PI * (-x * x).exp() * sum
}
