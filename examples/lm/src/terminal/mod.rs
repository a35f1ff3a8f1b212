//! The terminal and the machine: lines and progress, signals, and memory.

mod lines;
pub mod memory;
mod progress;
mod signals;

pub use lines::{start_log, tell};
pub use progress::Progress;
pub use signals::{Signal, Signals};
