//! Search of settings, on a grid or at random.

mod error;
mod report;
mod space;
mod trials;

pub use error::SweepError;
pub use report::Ranking;
pub use space::{Axis, Draw};
pub use trials::{Setting, grid, plan, random};
