//! The addition of binary numbers.

use bptt_tensor::{Scalar, Tensor};
use rand::{Rng, RngExt};

use crate::batch::Batch;

/// The addition of two binary numbers, whose digits arrive one a step, the lowest first. What has to be remembered is
/// the carry, so a net that has learned short sums can be right on sums of any length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BinaryAddition;

impl BinaryAddition {
    /// Draws two numbers of `T − 1` digits as inputs `[T, B, 2]` of zeros and ones, and the digits of their sum, classes
    /// `[T, B]`. In the last step both inputs are 0, and the target is the last carry.
    #[must_use]
    pub fn batch<T: Scalar>(
        &self,
        rng: &mut impl Rng,
        [steps, batch]: [usize; 2],
    ) -> Batch<Tensor<T>, Vec<usize>> {
        let mut digits = vec![T::zero(); steps * batch * 2];
        let mut targets = Vec::with_capacity(steps * batch);
        let mut carries = vec![0; batch];
        for t in 0..steps {
            for (b, carry) in carries.iter_mut().enumerate() {
                let drawn: [bool; 2] = if t + 1 < steps { rng.random() } else { [false; 2] };
                for (digit, is_one) in digits[(t * batch + b) * 2..].iter_mut().zip(drawn) {
                    *digit = T::of(f64::from(is_one));
                }
                let sum = *carry + drawn.iter().filter(|&&is_one| is_one).count();
                targets.push(sum % 2);
                *carry = sum / 2;
            }
        }
        Batch { inputs: Tensor::from_vec([steps, batch, 2], digits), targets }
    }

    /// Returns the share of digits that are right without a memory, `1/2 + (1 − 2⁻ᵀ) / T`. The best answer supposes that
    /// there is no carry. At step `t` there is one with the probability `(1 − 2⁻ᵗ) / 2`.
    #[must_use]
    pub fn memoryless_accuracy(&self, steps: usize) -> f64 {
        let steps = steps as f64;
        0.5 + (1.0 - (-steps).exp2()) / steps
    }
}
