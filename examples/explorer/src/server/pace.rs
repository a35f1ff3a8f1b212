//! How fast an experiment plays.

use std::time::Duration;

use serde::Deserialize;

use crate::experiment::{Limits, SettingsError};

const UPDATES_PER_SECOND: Limits =
    Limits::real("updates_per_second", [1.0, 1000.0], "updates in a second");

/// The largest number of updates in a second, if there is one.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Pace {
    updates_per_second: Option<f64>,
}

impl Pace {
    /// Returns the time from one update to the next.
    ///
    /// # Errors
    ///
    /// If the number is out of its range.
    pub(super) fn interval(self) -> Result<Duration, SettingsError> {
        let Some(updates) = self.updates_per_second else { return Ok(Duration::ZERO) };
        UPDATES_PER_SECOND.check(updates)?;
        Ok(Duration::from_secs_f64(1.0 / updates))
    }
}
