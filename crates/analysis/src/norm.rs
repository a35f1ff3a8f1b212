//! Norms that neither overflow nor underflow.

use bptt_tensor::{Scalar, Tensor};

/// Returns the Euclidean norm `√(Σ xᵢ²)` of all elements of these tensors.
pub(crate) fn norm<'a, T: Scalar>(
    tensors: impl IntoIterator<Item = &'a Tensor<T>, IntoIter: Clone>,
) -> f64 {
    let elements = tensors.into_iter().flat_map(|tensor| tensor.as_slice());
    norm_of(elements.map(|x| x.as_f64()))
}

/// Returns the Euclidean norm of these numbers. They are scaled by the largest, so that a gradient that vanishes to
/// 10⁻²⁰⁰ has a norm.
pub(crate) fn norm_of(numbers: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = numbers.clone().fold(0.0, |largest: f64, x| largest.max(x.abs()));
    if largest == 0.0 || largest.is_infinite() {
        return 0.0 + numbers.map(f64::abs).sum::<f64>(); // 0, ∞ or NaN; the sum of nothing is −0
    }
    largest * numbers.map(|x| (x / largest).powi(2)).sum::<f64>().sqrt()
}
