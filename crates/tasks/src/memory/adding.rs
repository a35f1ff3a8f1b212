//! The adding problem.

use bptt_tensor::{Scalar, Tensor};
use rand::{Rng, RngExt};

use crate::batch::Batch;

/// The adding problem (Hochreiter and Schmidhuber 1997): numbers, two of which are marked, and their sum at the end.
///
/// The form is that of Le, Jaitly and Hinton 2015: numbers are uniform in 0 to 1, and each half of the sequence has one
/// mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Adding;

impl Adding {
    /// Draws inputs `[T, B, 2]`, numbers and marks, and the sums `[B, 1]`.
    ///
    /// # Panics
    ///
    /// If `T` is less than 2.
    #[track_caller]
    #[must_use]
    pub fn batch<T: Scalar>(
        &self,
        rng: &mut impl Rng,
        [steps, batch]: [usize; 2],
    ) -> Batch<Tensor<T>, Tensor<T>> {
        assert!(steps >= 2, "the adding problem has at least two steps, not {steps}");
        let mut inputs = vec![T::zero(); steps * batch * 2];
        let mut sums = vec![0.0; batch];
        for (b, sum) in sums.iter_mut().enumerate() {
            let marked = [rng.random_range(0..steps / 2), rng.random_range(steps / 2..steps)];
            for t in 0..steps {
                let number: f64 = rng.random();
                let is_marked = marked.contains(&t);
                let at = (t * batch + b) * 2;
                inputs[at] = T::of(number);
                inputs[at + 1] = T::of(f64::from(is_marked));
                *sum += if is_marked { number } else { 0.0 };
            }
        }
        Batch {
            inputs: Tensor::from_vec([steps, batch, 2], inputs),
            targets: Tensor::from_fn([batch, 1], |b| T::of(sums[b])),
        }
    }

    /// Returns the mean squared error of the best answer from the last step alone. The answer 1, the mean, has an error
    /// of 1/6. Of the `⌈T/2⌉` numbers in the second half, the last may be the marked one: then only the other is unknown.
    #[must_use]
    pub fn memoryless_loss(&self, steps: usize) -> f64 {
        (1.0 - 0.5 / steps.div_ceil(2) as f64) / 6.0
    }
}
