//! Models that a recurrent network is compared with, on the same text.
//!
//! [`NGram`] counts strings of tokens, smoothed by Witten–Bell or Kneser–Ney.
//! [`UnigramCache`] and [`ContinuousCache`] stand beside another model, and raise the probability of recent tokens.

mod cache;
mod error;
mod ngram;
mod smoothing;
#[cfg(test)]
mod tests;
mod trie;

pub use cache::{ContinuousCache, UnigramCache};
pub use error::BaselineError;
pub use ngram::{NGram, NGramReader};
pub use smoothing::{Discounts, Estimate, Smoothing};

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
pub fn score(mut predictor: impl Predictor, tokens: impl IntoIterator<Item = u32>) -> f64 {
    let mut tokens = tokens.into_iter();
    if let Some(first) = tokens.next() {
        predictor.predict(first);
    }
    let (mut total, mut count) = (0.0, 0_u64);
    for token in tokens {
        total -= predictor.predict(token).ln();
        count += 1;
    }
    assert!(count > 0, "there are fewer than two tokens, which leaves none to predict");
    total / count as f64
}
