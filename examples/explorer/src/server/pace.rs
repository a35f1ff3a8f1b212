//! How fast an experiment plays.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;

use crate::experiment::SettingsError;

const UPDATES_PER_SECOND: RangeInclusive<f64> = 1.0..=1000.0;

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
        SettingsError::unless(
            "updates_per_second",
            updates,
            &UPDATES_PER_SECOND,
            "updates in a second",
        )?;
        Ok(Duration::from_secs_f64(1.0 / updates))
    }
}
