//! Baselines: models that a recurrent network is compared with, on the same text.
//!
//! [`NGram`] counts strings of tokens, smoothed by Witten–Bell or Kneser–Ney. [`UnigramCache`] and [`ContinuousCache`]
//! are interpolated with another model, and raise the probability of recent tokens. [`NeuralWindow`] is the memoryless
//! network of Bengio et al. 2003.

mod cache;
mod error;
mod neural_window;
mod ngram;
mod smoothing;
#[cfg(test)]
mod tests;
mod trie;

pub use cache::{ContinuousCache, UnigramCache};
pub use error::BaselineError;
pub use neural_window::NeuralWindow;
pub use ngram::{NGram, NGramReader};
pub use smoothing::{Discounts, Estimate, Smoothing};

use crate::text::Tokens;

/// A model that reads a text from its beginning, and predicts each token from those before it.
pub trait Predictor {
    /// Returns `P(token | all tokens read before)`, then reads the token.
    fn predict(&mut self, token: u32) -> f64;
}

/// Returns the mean of `-ln P`, in nats, over all of `tokens` but the first. A network that reads `tokens` from their
/// beginning predicts the same ones.
///
/// # Panics
///
/// If there are fewer than two tokens, since nothing is predicted.
#[must_use]
pub fn score(mut predictor: impl Predictor, tokens: &Tokens) -> f64 {
    assert!(tokens.len() > 1, "{} tokens leave none to predict", tokens.len());
    predictor.predict(tokens.get(0));
    let total =
        tokens.iter(1..tokens.len()).fold(0.0, |sum, token| sum - predictor.predict(token).ln());
    total / (tokens.len() - 1) as f64
}
