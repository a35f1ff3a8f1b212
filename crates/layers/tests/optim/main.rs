//! Optimizers: trajectories of PyTorch and of the published equations, the state of each parameter, groups of
//! parameters, and learning rates over the steps.

extern crate bptt_layers as bptt; // the derived code refers to the façade

#[path = "../common/golden.rs"]
mod golden;
mod support;

mod average;
mod equations;
mod groups;
mod memory;
mod options;
mod plateau;
mod pytorch;
mod schedule;
