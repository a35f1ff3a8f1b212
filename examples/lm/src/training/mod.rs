//! Training by truncated back-propagation through time, with the state carried from window to window.

mod average;
mod clock;
mod divergence;
mod meter;
mod optimizer;
mod plan;
mod saved;
mod session;
mod settings;
mod trainer;
mod windows;

pub use divergence::Divergence;
pub use saved::{Saved, SavedError};
pub use session::Session;
pub(crate) use session::expect_same_cell;
pub use settings::{AverageKind, OptimizerKind, ScheduleKind, TrainingSettings};
pub use trainer::{Ending, Trainer};

#[cfg(test)]
mod tests;
