//! How far back a model looks.

use bptt::RngExt;
use bptt::analysis::plot::{Lines, Picture};
use bptt::prelude::*;
use serde::Serialize;

use crate::model::LanguageModel;
use crate::text::Tokens;

/// The number of places that are computed side by side.
const BATCH: usize = 32;

/// Random places in a text. Each is the position of a token to predict, with twice `window` tokens before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Places {
    window: usize,
    targets: Vec<usize>,
}

impl Places {
    /// Draws `count` places in a text. In a short text, the window is as long as fits. A text of fewer than three tokens
    /// has no place.
    #[must_use]
    pub fn draw(tokens: &Tokens, window: usize, count: usize, seed: u64) -> Option<Self> {
        let window = window.min(tokens.len().saturating_sub(1) / 2);
        let mut rng = bptt::rng(seed);
        let targets = (0..count).map(|_| rng.random_range(2 * window..tokens.len()));
        (window > 0).then(|| Self { window, targets: targets.collect() })
    }

    /// Returns the number of tokens that are read at once.
    #[must_use]
    pub fn read_at_once(&self) -> usize {
        self.window * BATCH.min(self.targets.len())
    }
}

/// The gradient of the loss with respect to each of the last `K` embedded tokens.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GradientByLag {
    /// The number of places over which norms are averaged.
    pub places: usize,
    /// For each lag `k` from 0 to `K − 1`, the mean over places `t` of `‖∂L_t / ∂x_{t−k}‖`, where `x_t` is the
    /// embedding of the token before the predicted one and `L_t` the loss of this prediction alone.
    pub norms: Vec<f64>,
}

impl GradientByLag {
    /// Draws the norms on a logarithmic scale.
    pub fn picture(&self) -> Picture {
        let norms = (0_u32..).map(f64::from).zip(self.norms.iter().copied());
        let lines = Lines::new("", "lag k (tokens)", "mean of ‖∂L_t/∂x_{t−k}‖").log();
        lines.line("", norms).picture().sized(800, 300)
    }

    /// Returns the share of the first `lags` in the sum of all norms.
    #[must_use]
    pub fn share(&self, lags: usize) -> f64 {
        self.norms.iter().take(lags).sum::<f64>() / self.norms.iter().sum::<f64>()
    }
}

/// Returns the gradient by lag of the loss at some places. The model first reads as many tokens before each window, so
/// that its state is a typical one.
#[must_use]
pub fn gradient_by_lag(model: &LanguageModel, tokens: &Tokens, places: &Places) -> GradientByLag {
    let window = places.window;
    let mut norms = vec![0.0; window];
    for targets in places.targets.chunks(BATCH) {
        let batch = targets.len();
        let mut carried = model.start();
        let before = inputs(tokens, targets, 2 * window, window);
        let _ = model.evaluate(&Tape::inference(), &before, batch, &mut carried);

        let tape = Tape::new();
        let read = inputs(tokens, targets, window, window);
        let activations = model.activations(&tape, &read, batch, &mut carried);
        let (xs, hs) = (activations[0], activations[activations.len() - 1]);
        let loss = model.loss(hs.slice(0, window - 1..window), &at(tokens, targets)).sum();
        let [gradient] = tape.grad(loss, [xs]);
        let gradient = gradient.value(); // [K, B, E]
        let vectors = gradient.as_slice().chunks(gradient.len() / (window * batch));
        for (place, vector) in vectors.enumerate() {
            let squares: f64 = vector.iter().map(|&g| f64::from(g) * f64::from(g)).sum();
            norms[window - 1 - place / batch] += squares.sqrt() / places.targets.len() as f64;
        }
    }
    GradientByLag { places: places.targets.len(), norms }
}

/// The mean loss of predictions from so many tokens, read from the initial state.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Context {
    /// The tokens read.
    pub tokens: usize,
    /// The mean of `-ln P` of the token that follows, in nats.
    pub nats: f64,
}

/// Returns the loss at the same places for contexts of 1, 2, 4, … tokens up to the window.
#[must_use]
pub fn loss_by_context(model: &LanguageModel, tokens: &Tokens, places: &Places) -> Vec<Context> {
    let lengths = std::iter::successors(Some(1), |length| Some(2 * length));
    let lengths = lengths.take_while(|&length| length <= places.window);
    let context = |length| {
        let losses = places.targets.chunks(BATCH).map(|targets| {
            let tape = Tape::inference();
            let read = inputs(tokens, targets, length, length);
            let hs = model.evaluate(&tape, &read, targets.len(), &mut model.start());
            let loss = model.loss(hs.slice(0, length - 1..length), &at(tokens, targets)).sum();
            f64::from(loss.item())
        });
        Context { tokens: length, nats: losses.sum::<f64>() / places.targets.len() as f64 }
    };
    lengths.map(context).collect()
}

/// Returns `steps` tokens for each target, from `back` tokens before it on, time-major `[T, B]`.
fn inputs(tokens: &Tokens, targets: &[usize], back: usize, steps: usize) -> Vec<usize> {
    let step = |step| targets.iter().map(move |target| tokens.get(target - back + step) as usize);
    (0..steps).flat_map(step).collect()
}

/// Returns the tokens at some positions.
fn at(tokens: &Tokens, positions: &[usize]) -> Vec<usize> {
    positions.iter().map(|&position| tokens.get(position) as usize).collect()
}
