//! Comparison of cells at equal size, over several seeds, with statistics and baselines.

mod baselines;
pub mod budget;
mod contender;
mod error;
mod report;
mod verdict;

pub use baselines::{Baseline, baselines, floor};
pub use contender::{Contender, contenders, plan};
pub use error::ComparisonError;
pub use report::Comparison;
pub use verdict::Entrant;
