//! Gradients over time, against plain loops over the steps.

extern crate bptt_layers as bptt; // for the derive macros

mod agreement;
mod by_lag;
mod error_flow;
mod models;
mod oracle;
mod states;
mod truncation;
