//! The experiment of exploRNN: an LSTM learns to continue a sine, and its error is measured after each epoch.

use std::f64::consts::TAU;

use bptt::batching::Remainder;

use crate::prelude::*;

/// The windows of the validation.
const VALIDATION: usize = 256;
/// The steps of a window, and the period of the sine.
const STEPS: usize = 20;

/// One training. The default learns well.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Continuation {
    pub(crate) learning_rate: f64,
    pub(crate) batch: usize,
    /// The standard deviation of the noise that is added to each value. That of the sine is √½.
    pub(crate) noise: f64,
    pub(crate) epochs: usize,
    /// The windows of an epoch.
    pub(crate) windows: usize,
    /// Makes the optimizer for a learning rate.
    pub(crate) optimizer: fn(f64) -> Box<dyn Optimizer<f32>>,
    /// Whether each epoch draws new windows, so that no window is seen twice.
    pub(crate) is_fresh: bool,
}

impl Default for Continuation {
    fn default() -> Self {
        Self {
            learning_rate: 0.01,
            batch: 32,
            noise: 0.0,
            epochs: 20,
            windows: 256,
            optimizer: |learning_rate| Box::new(Adam::new(learning_rate)),
            is_fresh: false,
        }
    }
}

type Net = (Lstm<f32>, Linear<f32>);

impl Continuation {
    /// Trains a net to predict the value after a window. Returns the error before the first epoch and after each:
    /// the root mean square distance of predictions from the sine without noise. The windows have noise.
    pub(crate) fn run(&self, seed: u64) -> Vec<f64> {
        let rng = &mut bptt::rng(seed);
        let mut net: Net = (Lstm::new(rng, 1, 16), Linear::new(rng, 16, 1));
        let mut optimizer = (self.optimizer)(self.learning_rate);
        let (mut windows, mut nexts, _) = self.draw(self.windows, rng);
        let (validation, _, truth) = self.draw(VALIDATION, rng);
        let mut errors = vec![error(&net, &validation, &truth)];
        for _ in 0..self.epochs {
            if self.is_fresh {
                (windows, nexts, _) = self.draw(self.windows, rng);
            }
            for batch in batching::shuffled(self.windows, self.batch, Remainder::Keep, rng) {
                let tape = Tape::new();
                let xs = windows.gather_rows(&batch).transpose(0, 1);
                let loss =
                    loss::mean_squared_error(next(&net, &tape, xs), &nexts.gather_rows(&batch));
                let gradients = tape.backward(loss.mean());
                drop(tape);
                optimizer.step(&mut net, &gradients);
            }
            errors.push(error(&net, &validation, &truth));
        }
        errors
    }

    /// The error of the best linear filter of a window, for noise `σ`. A window is a period of `T` steps. So its values
    /// give each of the two components of the sine with a variance of `n = 2σ²/T`. The component has one of `½`, so
    /// the error is `√(½ n / (½ + n))` (Wiener 1949).
    pub(crate) fn of_the_best_filter(noise: f64) -> f64 {
        let n = 2.0 * noise.powi(2) / STEPS as f64;
        (0.5 * n / (0.5 + n)).sqrt()
    }

    /// The error of a net that predicts 0, the mean of the sine: `√½`.
    pub(crate) fn of_zero() -> f64 {
        0.5_f64.sqrt()
    }

    /// The error of the straight line through the last two values of a window without noise: the root mean square of
    /// `s_{t+1} − (2 s_t − s_{t−1}) = −(2 sin ω/2)² s_t`.
    pub(crate) fn of_a_line() -> f64 {
        (2.0 * (TAU / STEPS as f64 / 2.0).sin()).powi(2) * 0.5_f64.sqrt()
    }

    /// Returns windows `[N, T, 1]`, the values after them `[N, 1]`, and those without noise.
    fn draw(&self, count: usize, rng: &mut impl Rng) -> (Tensor<f32>, Tensor<f32>, Tensor<f32>) {
        let phases: Vec<f64> = (0..count).map(|_| rng.random_range(0.0..TAU)).collect();
        let sine = |i: usize| {
            let (window, t) = (i / (STEPS + 1), i % (STEPS + 1));
            (phases[window] + TAU * t as f64 / STEPS as f64).sin() as f32
        };
        let clean = Tensor::from_fn([count, STEPS + 1, 1], sine);
        let noisy = &clean + Tensor::normal(clean.shape(), 0.0, self.noise, rng);
        let last = |xs: &Tensor<f32>| xs.slice(1, STEPS..STEPS + 1).reshape([count, 1]);
        (noisy.slice(1, 0..STEPS), last(&noisy), last(&clean))
    }
}

/// Returns the predictions `[B, 1]` of the values after windows `[T, B, 1]`.
fn next<'t>(net: &Net, tape: &'t Tape<f32>, windows: Tensor<f32>) -> Var<'t, f32> {
    let start = net.start(tape, windows.shape()[1]);
    Recurrence::new(net).last(tape.constant(windows), start).0
}

fn error(net: &Net, windows: &Tensor<f32>, truth: &Tensor<f32>) -> f64 {
    let tape = Tape::inference();
    let predicted = next(net, &tape, windows.transpose(0, 1));
    f64::from(loss::mean_squared_error(predicted, truth).mean().item()).sqrt()
}
