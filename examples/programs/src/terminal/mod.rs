//! The terminal and the machine: lines and progress, signals, and memory.

mod bar;
mod lines;
pub mod memory;
mod progress;
mod signals;

pub use bar::Bar;
pub use lines::{start_log, tell};
pub use progress::Progress;
pub use signals::{Signal, Signals};
