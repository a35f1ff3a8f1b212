//! The steps at which a run stops, measures and writes to the log.

use super::settings::TrainingSettings;
use super::windows::mean_length;
use crate::text::Streams;

/// The number of lines in the log for all training steps.
const LINES: usize = 500;

/// The default number of measurements of a run.
const MEASUREMENTS: usize = 10;

/// The steps at which to stop, measure and write to the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) steps: usize,
    pub(super) measure_every: usize,
    pub(super) log_every: usize,
}

impl Plan {
    pub(super) fn new(settings: &TrainingSettings, batches: &Streams) -> Self {
        let length = match settings.random_windows {
            true => mean_length(settings.window),
            false => settings.window as f64,
        };
        let in_a_pass = (batches.steps() as f64 / length).ceil() as usize;
        let steps =
            settings.epochs.map_or(settings.steps, |passes| in_a_pass.saturating_mul(passes));
        let measure_every = settings.validate_every.unwrap_or(steps.div_ceil(MEASUREMENTS));
        Self { steps, measure_every, log_every: steps.div_ceil(LINES) }
    }
}
