//! Tensors of random numbers.
//!
//! Elements are drawn in row-major order, with arithmetic that every machine rounds alike. So a
//! seed gives the same tensor everywhere. The values in `f32` are the rounded values in `f64`.
//! [Masks](Tensor::bernoulli), of which training draws many, come from generators of their own.

use rand::Rng;

use super::mask::bernoulli;
use crate::scalar::Scalar;
use crate::shape::Shape;
use crate::tensor::Tensor;

impl<T: Scalar> Tensor<T> {
    /// Independent draws from the uniform distribution over `low ≤ x < high`.
    ///
    /// # Panics
    ///
    /// Unless both bounds are finite and `low < high` after rounding to the tensor's type.
    #[track_caller]
    #[must_use]
    pub fn uniform(shape: impl Into<Shape>, low: f64, high: f64, rng: &mut impl Rng) -> Self {
        Self::draw_uniform(shape.into(), low, high, rng)
    }

    #[track_caller]
    #[inline(never)]
    pub(crate) fn draw_uniform(shape: Shape, low: f64, high: f64, rng: &mut dyn Rng) -> Self {
        let spread = high - low;
        let within = T::of(low) < T::of(high) && spread.is_finite();
        assert!(within, "uniform: {low}..{high} is not a range of {}", T::NAME);
        Self::from_fn(shape, |_| {
            loop {
                let x = T::of(low + spread * unit(rng));
                if x < T::of(high) {
                    return x; // rounding to `f32` may reach `high`; then draw again
                }
            }
        })
    }

    /// Independent draws from the normal distribution, by Marsaglia's polar method.
    ///
    /// # Panics
    ///
    /// If `std` is negative.
    #[track_caller]
    #[must_use]
    pub fn normal(shape: impl Into<Shape>, mean: f64, std: f64, rng: &mut impl Rng) -> Self {
        Self::draw_normal(shape.into(), mean, std, rng)
    }

    #[track_caller]
    #[inline(never)]
    pub(crate) fn draw_normal(shape: Shape, mean: f64, std: f64, rng: &mut dyn Rng) -> Self {
        assert!(std >= 0.0, "normal: the standard deviation {std} is not at least 0");
        let mut spare = None;
        Self::from_fn(shape, |_| {
            let z = spare.take().unwrap_or_else(|| {
                let [z, other] = normal_pair(rng);
                spare = Some(other);
                z
            });
            T::of(mean + std * z)
        })
    }

    /// Independent draws that are 1 with probability `p`, rounded to a multiple of 2⁻³², else 0: a
    /// dropout mask. One word of `rng` seeds the mask.
    ///
    /// # Panics
    ///
    /// If `p` is not within 0 to 1.
    #[track_caller]
    #[must_use]
    pub fn bernoulli(shape: impl Into<Shape>, p: f64, rng: &mut impl Rng) -> Self {
        assert!((0.0..=1.0).contains(&p), "bernoulli: the probability {p} is not within 0 to 1");
        Self::draw_mask(shape.into(), p, rng.next_u64())
    }

    #[track_caller]
    #[inline(never)]
    pub(crate) fn draw_mask(shape: Shape, p: f64, seed: u64) -> Self {
        Self::build(shape, |out| bernoulli(out, p, seed))
    }
}

/// A multiple of 2⁻⁵³ in `0 ≤ u < 1`.
fn unit(rng: &mut (impl Rng + ?Sized)) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// Two independent standard normal numbers, from a point drawn within the unit circle.
fn normal_pair(rng: &mut dyn Rng) -> [f64; 2] {
    loop {
        let [x, y] = [2.0 * unit(rng) - 1.0, 2.0 * unit(rng) - 1.0];
        let s = x * x + y * y;
        if 0.0 < s && s < 1.0 {
            let scale = (-2.0 * ln(s) / s).sqrt();
            return [x * scale, y * scale];
        }
    }
}

/// `ln x` of a normal positive number, from operations whose rounding IEEE 754 prescribes. The
/// standard library's result differs between platforms in the last bit.
///
/// With `x = 2ᵉ · m` and `√½ ≤ m < √2`, `ln x = e ln 2 + 2 artanh((m − 1) / (m + 1))`.
fn ln(x: f64) -> f64 {
    const MANTISSA: u64 = (1 << 52) - 1;
    let mut exponent = (x.to_bits() >> 52) as i32 - 1023;
    let mut m = f64::from_bits(x.to_bits() & MANTISSA | 1.0f64.to_bits());
    if m >= std::f64::consts::SQRT_2 {
        m /= 2.0;
        exponent += 1;
    }
    let s = (m - 1.0) / (m + 1.0); // |s| < 0.1716, so that the series needs eleven terms
    let series = (0..11).rev().fold(0.0, |sum, i| sum * s * s + 1.0 / f64::from(2 * i + 1));
    f64::from(exponent) * std::f64::consts::LN_2 + 2.0 * s * series
}
