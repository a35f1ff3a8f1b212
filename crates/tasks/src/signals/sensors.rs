//! Sensors, one of which may stick.

use std::f64::consts::TAU;

use bptt_tensor::{Scalar, Tensor};
use rand::{Rng, RngExt};

use crate::batch::Batch;

/// Readings of several sensors, one of which may stick: from some step on it reports the same value, with its noise.
///
/// ```text
/// x_t = ρ x_{t−1} + √(1 − ρ²) ε_t        what a sensor measures: normal, with mean 0 and variance 1 at each step
/// x_t = x_{t−1}                           where it sticks
/// y_t = x_t + σ η_t                       its reading
/// ```
///
/// In half of the sequences a sensor sticks, from a random step to the end. A stuck value is as likely as any other. So
/// the readings of one step tell nothing: the fault is seen over time alone.
///
/// ```
/// use bptt_tasks::Sensors;
///
/// let sensors = Sensors::new(3);
/// let batch = sensors.batch::<f32>(&mut bptt_layers::rng(0), [40, 16]);
/// assert_eq!(batch.inputs.shape()[..], [40, 16, 3]);
/// assert_eq!(sensors.posterior(&batch.inputs).shape()[..], [40, 16, 4]); // of no fault, and of one of each sensor
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sensors {
    sensors: usize,
    correlation: f64,
    noise: f64,
}

impl Sensors {
    /// Creates the task with a correlation of `ρ = 0.8` between successive steps, and noise of `σ = 0.1`.
    ///
    /// # Panics
    ///
    /// If there is no sensor.
    #[track_caller]
    #[must_use]
    pub fn new(sensors: usize) -> Self {
        assert!(sensors > 0, "there is at least one sensor");
        Self { sensors, correlation: 0.8, noise: 0.1 }
    }

    /// Sets the correlation `ρ` between successive steps. The closer to 1, the more a sensor seems to stick.
    ///
    /// # Panics
    ///
    /// If it is not between −1 and 1, both excluded.
    #[track_caller]
    #[must_use]
    pub fn correlation(self, correlation: f64) -> Self {
        assert!(correlation.abs() < 1.0, "a correlation is between −1 and 1, not {correlation}");
        Self { correlation, ..self }
    }

    /// Sets the standard deviation `σ` of the noise.
    ///
    /// # Panics
    ///
    /// If it is not positive. Without noise, a stuck sensor repeats its reading.
    #[track_caller]
    #[must_use]
    pub fn noise(self, deviation: f64) -> Self {
        assert!(deviation > 0.0, "the noise of a sensor is positive, not {deviation}");
        Self { noise: deviation, ..self }
    }

    /// Draws readings `[T, B, sensors]` and the class of each step, `[T, B]`: 0, or the number of the sensor that is stuck,
    /// counted from 1.
    ///
    /// # Panics
    ///
    /// If `T` is less than 2, where nothing can stick.
    #[track_caller]
    #[must_use]
    pub fn batch<T: Scalar>(
        &self,
        rng: &mut impl Rng,
        [steps, batch]: [usize; 2],
    ) -> Batch<Tensor<T>, Vec<usize>> {
        assert!(
            steps >= 2,
            "a sensor sticks after the first of at least two steps, not of {steps}"
        );
        let count = self.sensors;
        let faults: Vec<Option<(usize, usize)>> = (0..batch)
            .map(|_| {
                let fault = (rng.random_range(1..steps), rng.random_range(0..count));
                rng.random_bool(0.5).then_some(fault)
            })
            .collect();
        let mut values = Tensor::<f64>::normal([steps, batch, count], 0.0, 1.0, rng);
        let xs = values.as_mut_slice();
        for i in batch * count..xs.len() {
            let (t, b, sensor) = (i / count / batch, i / count % batch, i % count);
            let before = xs[i - batch * count];
            let is_stuck = faults[b].is_some_and(|(from, stuck)| from <= t && stuck == sensor);
            xs[i] = if is_stuck {
                before
            } else {
                self.correlation * before + self.drive().sqrt() * xs[i]
            };
        }
        let noise = Tensor::<f64>::normal([steps, batch, count], 0.0, self.noise, rng);
        let readings = (&values + &noise).cast();
        let class = |t, fault: Option<(usize, usize)>| match fault {
            Some((from, stuck)) if from <= t => stuck + 1,
            _ => 0,
        };
        let targets = (0..steps * batch).map(|i| class(i / batch, faults[i % batch])).collect();
        Batch { inputs: readings, targets }
    }

    /// Returns the probability of each class, `[T, B, sensors + 1]`, given the readings `[T, B, sensors]` up to each step.
    /// No model has a lower expected cross-entropy.
    ///
    /// It is exact, by Bayes' rule over all faults. The likelihood of readings under a fault is that of a Kalman filter
    /// (1960).
    ///
    /// # Panics
    ///
    /// If the readings are not those of this number of sensors over at least two steps.
    #[track_caller]
    #[must_use]
    pub fn posterior<T: Scalar>(&self, readings: &Tensor<T>) -> Tensor<f64> {
        let &[steps, batch, count] = &readings.shape()[..] else {
            panic!("readings are [T, B, sensors], not {}", readings.shape());
        };
        assert!(
            count == self.sensors && steps >= 2,
            "{} is not at least two steps of {} sensors",
            readings.shape(),
            self.sensors
        );
        let mut posterior = Tensor::zeros([steps, batch, count + 1]);
        for b in 0..batch {
            let reading = |t: usize, sensor: usize| readings[[t, b, sensor]].as_f64();
            let mut healthy = vec![Belief { mean: 0.0, variance: 1.0 }; count]; // before a step
            let mut faults: Vec<Fault> = Vec::new();
            for t in 0..steps {
                let mut surprisals = vec![0.0; count];
                for (sensor, belief) in healthy.iter_mut().enumerate() {
                    if t > 0 {
                        faults.push(Fault { sensor, belief: *belief, log_ratio: 0.0 });
                        *belief = belief.moved(self.correlation, self.drive());
                    }
                    surprisals[sensor] = belief.observe(reading(t, sensor), self.noise);
                }
                for fault in &mut faults {
                    let surprisal = fault.belief.observe(reading(t, fault.sensor), self.noise);
                    fault.log_ratio += surprisals[fault.sensor] - surprisal;
                }
                let prior = 0.5 / ((steps - 1) * count) as f64; // of each fault
                let classes =
                    &mut posterior.as_mut_slice()[(t * batch + b) * (count + 1)..][..=count];
                // relative to the likeliest, since the ratios of a long sequence have no finite exponential
                let largest = faults.iter().map(|fault| fault.log_ratio).fold(0.0, f64::max);
                let none = 1.0 - prior * faults.len() as f64; // of a fault that is still to come, or none
                classes[0] = none * (-largest).exp();
                for fault in &faults {
                    classes[fault.sensor + 1] += prior * (fault.log_ratio - largest).exp();
                }
                let evidence: f64 = classes.iter().sum();
                classes.iter_mut().for_each(|p| *p /= evidence);
            }
        }
        posterior
    }

    /// Returns the share of steps that are classified right without a memory: ¾, those without a fault.
    #[must_use]
    pub fn memoryless_accuracy(&self) -> f64 {
        0.75
    }

    /// Returns the cross-entropy of the best answer without a memory, the entropy of the classes.
    #[must_use]
    pub fn memoryless_loss(&self) -> f64 {
        0.75 * (1.0_f64 / 0.75).ln() + 0.25 * (self.sensors as f64 / 0.25).ln()
    }

    /// The variance that a step adds.
    fn drive(&self) -> f64 {
        1.0 - self.correlation.powi(2)
    }
}

/// A sensor that sticks from some step on.
struct Fault {
    sensor: usize,
    belief: Belief,
    /// The logarithm of how much more likely the readings are with the fault than without it.
    log_ratio: f64,
}

/// A normal belief about what a sensor measures.
#[derive(Clone, Copy)]
struct Belief {
    mean: f64,
    variance: f64,
}

impl Belief {
    /// Returns the belief about the next step.
    fn moved(self, correlation: f64, drive: f64) -> Self {
        Self {
            mean: correlation * self.mean,
            variance: correlation.powi(2) * self.variance + drive,
        }
    }

    /// Learns a reading. Returns the negative logarithm of its density.
    fn observe(&mut self, reading: f64, noise: f64) -> f64 {
        let variance = self.variance + noise.powi(2);
        let error = reading - self.mean;
        self.mean += self.variance / variance * error;
        self.variance *= noise.powi(2) / variance;
        0.5 * (error.powi(2) / variance + (TAU * variance).ln())
    }
}
