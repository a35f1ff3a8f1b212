//! Means of training steps, for the log.

use serde::{Deserialize, Serialize};

/// The sums of the steps since the last line of the log. A checkpoint holds them, so that a resumed run writes the same
/// line.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Meter {
    nats: f64,
    tokens: u64,
    norm: f64,
    steps: u64,
}

impl Meter {
    /// Adds a step with a mean loss of `nats` over so many tokens, and the norm of its gradient.
    pub(super) fn add(&mut self, nats: f64, tokens: usize, norm: f64) {
        self.nats += nats * tokens as f64;
        self.tokens += tokens as u64;
        self.norm += norm;
        self.steps += 1;
    }

    /// Returns the mean loss of a token.
    pub(super) fn nats(&self) -> f64 {
        self.nats / self.tokens as f64
    }

    /// Returns the mean norm of a step's gradient.
    pub(super) fn norm(&self) -> f64 {
        self.norm / self.steps as f64
    }
}
