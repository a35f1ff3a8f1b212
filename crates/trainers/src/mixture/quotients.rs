//! Closed forms of the values of networks.

use std::ops::Range;

use bptt_tensor::{Scalar, Tensor};

use super::network::LEAST_COUNT;

/// The closed form of the values of a network that are free for each input: functions of quotients of expectations.
///
/// ```text
/// value_k(u) = f(Σ_t numerators_tk / Σ_t denominators_tk)      over the steps of all sequences with u_t = u
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Quotients {
    /// `[T, B, K]`, 0 after the end of a sequence.
    pub numerators: Tensor<f64>,
    /// `[T, B, K]`, 0 after the end of a sequence.
    pub denominators: Tensor<f64>,
    /// `f`: the logarithm for logits, and the quotient itself for means.
    pub function: fn(f64) -> f64,
}

impl Quotients {
    /// Returns those of logits, from expected counts `[T, B, G, C]` of the classes of `G` distributions.
    #[track_caller]
    pub(super) fn of_counts(counts: &Tensor<f64>) -> Self {
        let totals = counts.sum_keep(&[-1]).broadcast_to(counts.shape().clone());
        let [numerators, denominators] = [counts, &totals].map(by_step);
        Self { numerators, denominators, function: f64::ln }
    }

    /// Returns those of means, from weights `[T, B, N]` of numbers `[T, B, N, D]`.
    #[track_caller]
    pub(super) fn of_means(weights: &Tensor<f64>, numbers: &Tensor<f64>) -> Self {
        let shape = numbers.shape();
        let weights =
            weights.reshape([shape[0], shape[1], shape[2], 1]).broadcast_to(shape.clone());
        // numbers of weight 0 are arbitrary, such as those after the end of a sequence
        let sums = weights.not_equal(0.0).select(&(numbers * &weights), 0.0);
        let [numerators, denominators] = [&sums, &weights].map(by_step);
        Self { numerators, denominators, function: |mean| mean }
    }

    /// Returns those of some of the values.
    ///
    /// # Panics
    ///
    /// If there are fewer values.
    #[track_caller]
    #[must_use]
    pub fn columns(&self, columns: Range<usize>) -> Self {
        let [numerators, denominators] =
            [&self.numerators, &self.denominators].map(|sums| sums.slice(-1, columns.clone()));
        Self { numerators, denominators, function: self.function }
    }

    /// Sets the rows `[U, K]` of values of each symbol, where `symbols` are those of all steps. Values that no data
    /// reach stay.
    pub(super) fn set<T: Scalar>(&self, symbols: &[usize], rows: &mut Tensor<T>) {
        let &[count, size] = &rows.shape()[..] else { unreachable!("rows are [U, K]") };
        let [numerators, denominators] = [&self.numerators, &self.denominators]
            .map(|sums| sums.reshape([symbols.len(), size]).scatter_rows(symbols, count));
        let quotients = numerators.iter().zip(denominators.iter());
        for (value, (numerator, denominator)) in rows.as_mut_slice().iter_mut().zip(quotients) {
            if *denominator > LEAST_COUNT {
                *value = T::of((self.function)(numerator / denominator));
            }
        }
    }
}

/// Returns `[T, B, G, C]` as `[T, B, G·C]`.
fn by_step(sums: &Tensor<f64>) -> Tensor<f64> {
    let shape = sums.shape();
    sums.reshape([shape[0], shape[1], shape[2] * shape[3]])
}
