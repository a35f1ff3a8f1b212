//! The terminal and the machine: progress, signals, and memory.

pub mod memory;
mod progress;
mod signals;

pub use progress::{Progress, tell};
pub use signals::{Signal, Signals};
