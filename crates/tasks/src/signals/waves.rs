//! Periodic functions.

use std::f64::consts::TAU;

use bptt_tensor::{Scalar, Tensor};
use rand::{Rng, RngExt};

use crate::batch::Batch;

/// A sine, saw or square wave or a sum of them, observed with noise, whose next value is to be predicted.
///
/// ```
/// use bptt_tasks::Waves;
///
/// let chord = Waves::sine(24.0).plus(Waves::sine(9.0).amplitude(0.5)).noise(0.05);
/// let batch = chord.batch::<f32>(&mut bptt_layers::rng(0), [48, 16]);
/// assert_eq!(batch.inputs.shape(), batch.targets.shape());
/// assert_eq!(chord.value(6.0), 1.0 + 0.5 * (std::f64::consts::TAU * 6.0 / 9.0).sin());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Waves {
    waves: Vec<Wave>,
    noise: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Wave {
    form: Form,
    period: f64,
    amplitude: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Sine,
    Saw,
    Square,
}

impl Waves {
    /// Creates `sin(2π t / period)`, with the period in steps.
    ///
    /// # Panics
    ///
    /// If the period is not positive and finite.
    #[track_caller]
    #[must_use]
    pub fn sine(period: f64) -> Self {
        Self::of(Form::Sine, period)
    }

    /// Creates a saw, which rises from −1 to 1 in each period.
    ///
    /// # Panics
    ///
    /// As [`sine`](Self::sine).
    #[track_caller]
    #[must_use]
    pub fn saw(period: f64) -> Self {
        Self::of(Form::Saw, period)
    }

    /// Creates a square wave: 1 in the first half of each period, −1 in the second.
    ///
    /// # Panics
    ///
    /// As [`sine`](Self::sine).
    #[track_caller]
    #[must_use]
    pub fn square(period: f64) -> Self {
        Self::of(Form::Square, period)
    }

    #[track_caller]
    fn of(form: Form, period: f64) -> Self {
        assert!(
            period > 0.0 && period.is_finite(),
            "a period is a positive number of steps, not {period}"
        );
        Self { waves: vec![Wave { form, period, amplitude: 1.0 }], noise: 0.0 }
    }

    /// Multiplies all waves by a factor.
    #[must_use]
    pub fn amplitude(mut self, factor: f64) -> Self {
        self.waves.iter_mut().for_each(|wave| wave.amplitude *= factor);
        self
    }

    /// Adds other waves. The noise remains that of `self`.
    #[must_use]
    pub fn plus(mut self, other: Self) -> Self {
        self.waves.extend(other.waves);
        self
    }

    /// Sets the standard deviation of normal noise, which each observation has for itself.
    #[must_use]
    pub fn noise(self, deviation: f64) -> Self {
        Self { noise: deviation, ..self }
    }

    /// Returns the value at a time in steps, without noise.
    #[must_use]
    pub fn value(&self, time: f64) -> f64 {
        self.waves.iter().map(|wave| wave.value(time)).sum()
    }

    /// Draws windows `[T, B, 1]` and the targets, the same one step later, with noise on both. Windows begin at a time
    /// that is uniform in a thousand of the longest periods.
    ///
    /// # Panics
    ///
    /// If the noise is negative.
    #[track_caller]
    #[must_use]
    pub fn batch<T: Scalar>(
        &self,
        rng: &mut impl Rng,
        [steps, batch]: [usize; 2],
    ) -> Batch<Tensor<T>, Tensor<T>> {
        let longest = self.waves.iter().map(|wave| wave.period).fold(0.0, f64::max);
        let starts: Vec<f64> = (0..batch).map(|_| 1000.0 * longest * rng.random::<f64>()).collect();
        let noise = Tensor::<f64>::normal([(steps + 1) * batch], 0.0, self.noise, rng);
        let observed = Tensor::from_fn([(steps + 1) * batch], |i| {
            T::of(self.value(starts[i % batch] + (i / batch) as f64) + noise.as_slice()[i])
        });
        let window = |from: usize| {
            let elements = &observed.as_slice()[from * batch..][..steps * batch];
            Tensor::from_slice([steps, batch, 1], elements)
        };
        Batch { inputs: window(0), targets: window(1) }
    }

    /// Returns the mean squared error of a model that knows the waves: the variance of the noise.
    #[must_use]
    pub fn floor(&self) -> f64 {
        self.noise.powi(2)
    }
}

impl Wave {
    fn value(self, time: f64) -> f64 {
        let phase = (time / self.period).rem_euclid(1.0);
        let value = match self.form {
            Form::Sine => (TAU * phase).sin(),
            Form::Saw => 2.0 * phase - 1.0,
            Form::Square => {
                if phase < 0.5 {
                    1.0
                } else {
                    -1.0
                }
            }
        };
        self.amplitude * value
    }
}
