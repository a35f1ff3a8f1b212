//! Sensors, one of which may fail.

use std::f64::consts::TAU;

use bptt_tensor::{Scalar, Tensor};
use rand::{Rng, RngExt};

use crate::batch::Batch;

/// Readings of several sensors, each a sine of its own phase with noise. In half of the sequences one sensor gets stuck
/// at a random step: from then on it shows its last value, with the noise. The label of a step is 0, or the number of
/// the stuck sensor, counted from 1.
///
/// No reading is unusual in itself: that a value no longer changes is seen only over time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sensors {
    count: usize,
    period: f64,
    noise: f64,
}

impl Sensors {
    /// Creates this many sensors, with a period of 20 steps and noise of a standard deviation of 0.1.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self { count, period: 20.0, noise: 0.1 }
    }

    /// Sets the period of the sines in steps.
    #[must_use]
    pub fn period(self, steps: f64) -> Self {
        Self { period: steps, ..self }
    }

    /// Sets the standard deviation of the noise.
    #[must_use]
    pub fn noise(self, deviation: f64) -> Self {
        Self { noise: deviation, ..self }
    }

    /// Draws readings `[T, B, sensors]` and labels `[T, B]`. The step of a fault is uniform in `1..T`.
    ///
    /// # Panics
    ///
    /// If there are fewer than 2 steps or no sensor, or if the noise is negative.
    #[track_caller]
    #[must_use]
    pub fn batch<T: Scalar>(
        &self,
        rng: &mut impl Rng,
        [steps, batch]: [usize; 2],
    ) -> Batch<Tensor<T>, Vec<usize>> {
        assert!(self.count > 0 && steps >= 2, "a fault needs a sensor and two steps");
        let mut inputs = Tensor::normal([steps, batch, self.count], 0.0, self.noise, rng);
        let mut targets = vec![0; steps * batch];
        for b in 0..batch {
            let fault = rng.random_bool(0.5);
            let fault =
                fault.then(|| (rng.random_range(0..self.count), rng.random_range(1..steps)));
            for sensor in 0..self.count {
                let start = self.period * rng.random::<f64>();
                let last = match fault {
                    Some((stuck, step)) if stuck == sensor => step - 1,
                    _ => steps,
                };
                for t in 0..steps {
                    let time = start + t.min(last) as f64;
                    let value = (TAU * time / self.period).sin();
                    inputs.as_mut_slice()[(t * batch + b) * self.count + sensor] += T::of(value);
                }
            }
            if let Some((stuck, step)) = fault {
                (step..steps).for_each(|t| targets[t * batch + b] = stuck + 1);
            }
        }
        Batch { inputs, targets }
    }

    /// Returns the share of steps that are labelled right without a memory: three quarters, those without a fault.
    #[must_use]
    pub fn memoryless_accuracy(&self) -> f64 {
        0.75
    }
}
