//! Sorting.

use bptt_tensor::{Scalar, Tensor};
use rand::{Rng, RngExt};

use crate::batch::Batch;

/// Numbers to be sorted, by pointing at them (Vinyals, Bengio and Kudlur 2016).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sorting;

impl Sorting {
    /// Draws numbers `[S, B, 1]`, uniform in 0 to 1, and their positions in ascending order, `[S, B]`.
    #[must_use]
    pub fn batch<T: Scalar>(
        &self,
        rng: &mut impl Rng,
        [elements, batch]: [usize; 2],
    ) -> Batch<Tensor<T>, Vec<usize>> {
        let numbers: Vec<f64> = (0..elements * batch).map(|_| rng.random()).collect();
        let mut targets = vec![0; elements * batch];
        for b in 0..batch {
            let mut positions: Vec<usize> = (0..elements).collect();
            positions.sort_by(|i, j| numbers[i * batch + b].total_cmp(&numbers[j * batch + b]));
            for (rank, position) in positions.into_iter().enumerate() {
                targets[rank * batch + b] = position;
            }
        }
        let inputs = Tensor::from_fn([elements, batch, 1], |i| T::of(numbers[i]));
        Batch { inputs, targets }
    }

    /// Returns the probability that a random order is right, `1 / S!`.
    #[must_use]
    pub fn chance(&self, elements: usize) -> f64 {
        (1..=elements).map(|n| 1.0 / n as f64).product()
    }
}
