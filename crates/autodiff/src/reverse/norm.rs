//! The Euclidean norm of many tensors together.

use bptt_tensor::{Scalar, Tensor};
use rayon::prelude::*;

/// Elements of a piece. Pieces are summed in parallel. Their size does not depend on the number of
/// threads, and so the sum does not either. A few pieces fit the second-level cache.
const PIECE: usize = 1 << 15;

/// `2⁶⁰⁰`. In this unit, no square of a finite number overflows. A number whose square underflows
/// is negligible beside those whose squares would have overflowed.
const LARGE_UNIT: f64 = f64::from_bits((1023 + 600) << 52);

/// `√Σ x²` over all elements, in double precision and in a fixed order. The result is finite even
/// if squares overflow.
pub(super) fn norm<'a, T: Scalar>(tensors: &(impl Iterator<Item = &'a Tensor<T>> + Clone)) -> f64 {
    let in_units = |unit: f64| {
        let squares = tensors.clone().map(|tensor| sum_of_squares(tensor.as_slice(), unit.recip()));
        let sum = 0.0 + squares.sum::<f64>(); // the sum of nothing is −0
        sum.sqrt() * unit
    };
    let plain = in_units(1.0);
    if plain.is_finite() { plain } else { in_units(LARGE_UNIT) }
}

/// `Σ (scale · x)²`, piece by piece.
fn sum_of_squares<T: Scalar>(elements: &[T], scale: f64) -> f64 {
    if elements.len() <= PIECE {
        return of_piece(elements, scale);
    }
    let sums: Vec<f64> = elements.par_chunks(PIECE).map(|piece| of_piece(piece, scale)).collect();
    sums.iter().sum()
}

/// Sums in eight accumulators: a single one would wait for each addition before the next.
fn of_piece<T: Scalar>(elements: &[T], scale: f64) -> f64 {
    let mut sums = [0.0; 8];
    for elements in elements.chunks(sums.len()) {
        for (sum, element) in sums.iter_mut().zip(elements) {
            let scaled = scale * element.as_f64();
            *sum += scaled * scaled;
        }
    }
    sums.iter().sum()
}
