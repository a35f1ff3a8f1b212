//! The clock of a run.

use std::time::Instant;

/// The time that a run has taken, without pauses between a stop and the resumption.
#[derive(Debug)]
pub(super) struct Clock {
    started: Instant,
    /// The seconds before this program started.
    before: f64,
    /// The tokens since the last line of the log, and the time of that line.
    pub(super) tokens: usize,
    last: f64,
}

impl Clock {
    pub(super) fn new(before: f64) -> Self {
        Self { started: Instant::now(), before, tokens: 0, last: before }
    }

    pub(super) fn seconds(&self) -> f64 {
        self.before + self.started.elapsed().as_secs_f64()
    }

    /// Returns tokens per second since the last call.
    pub(super) fn rate(&mut self) -> f64 {
        let seconds = self.seconds();
        let rate = self.tokens as f64 / (seconds - self.last).max(f64::MIN_POSITIVE);
        (self.tokens, self.last) = (0, seconds);
        rate
    }
}
