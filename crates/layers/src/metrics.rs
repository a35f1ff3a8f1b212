//! Metrics of values, without gradients.

use bptt_tensor::shape::OrPanic;
use bptt_tensor::{Scalar, ShapeError, Tensor};

use crate::loss::terms::positions::Positions;

/// Returns the share of positions where the target class has the largest of the `logits` `[.., C]`. Of equal logits,
/// the first counts as the largest. A position with a NaN is wrong.
///
/// The positions are all axes but the last, as in a [loss](crate::loss). The `mask` has their shape, and weights them.
/// If no position is left, the accuracy is 0.
///
/// ```
/// use bptt_layers::metrics;
/// use bptt_tensor::Tensor;
///
/// let logits = Tensor::from_vec([3, 2], vec![0.0, 1.0, 3.0, 2.0, 5.0, 4.0]); // classes 1, 0, 0
/// assert_eq!(metrics::accuracy(&logits, &[1, 1, 0], None), 2.0 / 3.0);
/// let mask = Tensor::from_vec([3], vec![1.0, 0.0, 1.0]);
/// assert_eq!(metrics::accuracy(&logits, &[1, 1, 0], Some(&mask)), 1.0);
/// ```
///
/// # Panics
///
/// If the number of targets is not that of the positions, or the mask does not have their shape or a
/// weight that is negative or not finite.
#[track_caller]
#[must_use]
pub fn accuracy<T: Scalar>(logits: &Tensor<T>, targets: &[usize], mask: Option<&Tensor<T>>) -> f64 {
    let mut positions = Positions::of_rows("accuracy", logits.shape()).or_panic();
    let count = positions.shape().elements();
    if targets.len() != count {
        let targets = targets.len();
        let problem = format!("has {count} positions but {targets} targets; give one for each");
        panic!("{}", ShapeError::new("accuracy", &[logits.shape()], problem));
    }
    if let Some(mask) = mask {
        positions = positions.masked(mask);
    }
    let weight = positions.weight();
    if weight == 0.0 {
        return 0.0;
    }
    let classes = logits.len() / count;
    let rows = logits.as_slice().chunks(classes.max(1)).zip(targets);
    let right = rows.enumerate().filter(|&(_, (row, &target))| is_first_largest(row, target));
    let right = right.map(|(position, _)| positions.weight_of(position));
    right.fold(0.0, |sum, weight| sum + weight) / weight // the sum of nothing is −0
}

/// Returns whether `row[target]` is the first of the largest elements.
fn is_first_largest<T: Scalar>(row: &[T], target: usize) -> bool {
    row.get(target).is_some_and(|&chosen| {
        row[..target].iter().all(|&x| x < chosen) && row[target..].iter().all(|&x| x <= chosen)
    })
}

/// Returns the number of places at which two sequences of symbols differ (Hamming 1950).
///
/// ```
/// # use bptt_layers::metrics;
/// assert_eq!(metrics::hamming_distance(b"karolin", b"kathrin"), 3);
/// ```
///
/// # Panics
///
/// If they are not equally long.
#[track_caller]
#[must_use]
pub fn hamming_distance<S: PartialEq>(a: &[S], b: &[S]) -> usize {
    assert!(
        a.len() == b.len(),
        "hamming_distance: sequences of {} and {} symbols are not equally long",
        a.len(),
        b.len(),
    );
    a.iter().zip(b).filter(|(a, b)| a != b).count()
}

/// Returns the [Hamming distance](hamming_distance) as a share of the symbols, or 0 if there are no symbols.
///
/// # Panics
///
/// If the sequences are not equally long.
#[track_caller]
#[must_use]
pub fn hamming_share<S: PartialEq>(a: &[S], b: &[S]) -> f64 {
    hamming_distance(a, b) as f64 / a.len().max(1) as f64
}

/// Returns the perplexity `eᴸ` of a mean cross-entropy `L` in nats: the number of equally likely classes whose choice
/// is as uncertain as the model's predictions.
///
/// ```
/// # use bptt_layers::metrics;
/// assert!((metrics::perplexity(6_f64.ln()) - 6.0).abs() < 1e-12);
/// ```
#[must_use]
pub fn perplexity(mean_loss: f64) -> f64 {
    mean_loss.exp()
}
