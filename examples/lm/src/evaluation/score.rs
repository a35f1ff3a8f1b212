//! How well a model predicts a text.

use std::fmt;

use crate::text::Part;

/// The negative log-likelihood of a text under a model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// The mean over all predicted tokens, in nats.
    pub nats: f64,
    /// The tokens predicted.
    pub tokens: u64,
    /// The characters of these tokens.
    pub characters: f64,
    /// The words of these tokens.
    pub words: f64,
}

impl Score {
    /// Returns the score of a model that has a mean of `nats` on so many tokens of a part of the text.
    #[must_use]
    pub fn new(nats: f64, tokens: u64, part: &Part) -> Self {
        let share = tokens as f64 / part.tokens.len().max(1) as f64;
        let (characters, words) = (share * part.characters as f64, share * part.words as f64);
        Self { nats, tokens, characters, words }
    }

    /// Returns the negative log-likelihood of the whole text in nats.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.nats * self.tokens as f64
    }

    /// Returns the perplexity, `exp` of the mean over tokens.
    #[must_use]
    pub fn perplexity(&self) -> f64 {
        self.nats.exp()
    }

    /// Returns bits for each character of the text, whatever its tokens are.
    #[must_use]
    pub fn bits_per_character(&self) -> f64 {
        self.total() / self.characters / std::f64::consts::LN_2
    }

    /// Returns the perplexity for each word of the text, whatever its tokens are.
    #[must_use]
    pub fn perplexity_per_word(&self) -> f64 {
        (self.total() / self.words).exp()
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { nats, .. } = self;
        let bits = self.bits_per_character();
        write!(
            f,
            "{nats:.4} nats, {bits:.4} bits per character, perplexity {:.2}",
            self.perplexity()
        )
    }
}
