//! Tasks on random signs.

use crate::prelude::*;

/// The steps of a sequence.
pub(crate) const STEPS: usize = 20;

/// A task: the target of a step from the signs so far.
pub(crate) type Target = fn(&[f64]) -> f64;

/// The sign of two steps before, or 1 at the first two steps.
pub(crate) fn two_before(signs: &[f64]) -> f64 {
    signs.iter().rev().nth(2).copied().unwrap_or(1.0)
}

/// The product of all signs so far.
pub(crate) fn parity(signs: &[f64]) -> f64 {
    signs.iter().product()
}

/// Returns signs and targets, `[T, B, 1]` each.
pub(crate) fn batch<T: Scalar>(
    target: Target,
    rng: &mut impl Rng,
    batch: usize,
) -> (Tensor<T>, Tensor<T>) {
    let mut sign = || if rng.random() { 1.0 } else { -1.0 };
    let signs: Vec<Vec<f64>> = (0..batch).map(|_| (0..STEPS).map(|_| sign()).collect()).collect();
    let of = |value: &dyn Fn(&[f64], usize) -> f64| {
        Tensor::from_fn([STEPS, batch, 1], |i| T::of(value(&signs[i % batch], i / batch)))
    };
    (of(&|signs, t| signs[t]), of(&|signs, t| target(&signs[..=t])))
}
