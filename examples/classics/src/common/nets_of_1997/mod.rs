//! The networks, tasks and stopping rules of "Long short-term memory" (Hochreiter and Schmidhuber 1997).

mod architecture;
mod entries;
mod experiments;
mod nets;
mod step;
mod tasks;
mod trials;

pub(crate) use architecture::{Shortcuts, Signal, Squash, Update};
pub(crate) use experiments::*;
pub(crate) use tasks::Task;
pub(crate) use trials::Experiment;
