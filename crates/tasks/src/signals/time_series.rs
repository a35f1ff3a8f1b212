//! Random processes whose best prediction is known.

use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use crate::batch::Batch;

/// A random walk or an autoregressive process (Yule 1927), whose next value is to be predicted:
/// `x_t = Σ_k a_k x_{t−k} + ε_t`, with normal `ε` of a standard deviation `σ`.
///
/// The best prediction is the sum without `ε`, and its squared error is `σ²`.
///
/// ```
/// use bptt_tasks::TimeSeries;
///
/// let series = TimeSeries::autoregressive(&[1.6, -0.9], 0.5);
/// assert_eq!(series.predict(&[7.0, 1.0, 2.0]), 1.6 * 2.0 - 0.9 * 1.0);
/// assert_eq!(series.floor(), 0.25);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TimeSeries {
    coefficients: Vec<f64>,
    deviation: f64,
    warm_up: usize,
}

impl TimeSeries {
    /// Creates an autoregressive process with the coefficients `a_1, a_2, …`. Sequences begin after a thousand steps
    /// from zero, where the process has become stationary if it can.
    #[must_use]
    pub fn autoregressive(coefficients: &[f64], deviation: f64) -> Self {
        Self { coefficients: coefficients.to_vec(), deviation, warm_up: 1000 }
    }

    /// Creates a random walk, `x_t = x_{t−1} + ε_t`, from zero. Its best prediction is the last value: it has no pattern
    /// to learn.
    #[must_use]
    pub fn random_walk(deviation: f64) -> Self {
        Self { coefficients: vec![1.0], deviation, warm_up: 0 }
    }

    /// Draws inputs `[T, B, 1]` and the targets, the same one step later.
    ///
    /// # Panics
    ///
    /// If the standard deviation is negative.
    #[track_caller]
    #[must_use]
    pub fn batch<T: Scalar>(
        &self,
        rng: &mut impl Rng,
        [steps, batch]: [usize; 2],
    ) -> Batch<Tensor<T>, Tensor<T>> {
        let all = self.warm_up + steps + 1;
        let noise = Tensor::<f64>::normal([batch, all], 0.0, self.deviation, rng);
        let series: Vec<Vec<f64>> = (noise.as_slice().chunks(all))
            .map(|noise| {
                let mut series = vec![0.0];
                for noise in noise {
                    series.push(self.predict(&series) + noise);
                }
                series.split_off(1 + self.warm_up)
            })
            .collect();
        let from = |start: usize| {
            Tensor::from_fn([steps, batch, 1], |i| T::of(series[i % batch][start + i / batch]))
        };
        Batch { inputs: from(0), targets: from(1) }
    }

    /// Returns the best prediction of the value that follows the `past`, the last value of which is the latest.
    /// Values before the beginning count as zero.
    #[must_use]
    pub fn predict(&self, past: &[f64]) -> f64 {
        self.coefficients.iter().zip(past.iter().rev()).map(|(a, x)| a * x).sum()
    }

    /// Returns the squared error of the best prediction, `σ²`.
    #[must_use]
    pub fn floor(&self) -> f64 {
        self.deviation.powi(2)
    }

    /// Returns the squared error of the last value as a prediction: `σ² Σ_j (ψ_j − ψ_{j−1})²`, where
    /// `x_t = σ Σ_j ψ_j ε_{t−j}`. For a random walk it is the floor.
    #[must_use]
    pub fn last_value_loss(&self) -> f64 {
        let mut response = vec![0.0, 1.0]; // ψ_{−1}, ψ_0, …
        for _ in 0..self.warm_up {
            response.push(self.predict(&response));
        }
        let squares = response.windows(2).map(|pair| (pair[1] - pair[0]).powi(2));
        self.floor() * squares.sum::<f64>()
    }
}
