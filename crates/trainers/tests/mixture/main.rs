//! Input–output hidden Markov models and expectation maximization.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod errors;
mod excluded;
mod maximization;
mod posteriors;
mod support;
mod trained;
