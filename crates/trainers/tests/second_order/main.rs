//! Trainers by curvature, beside dense matrices, closed forms and laws.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod errors;
mod gauss_newton;
mod hessian_free;
mod kalman;
mod levenberg_marquardt;
mod pseudo_newton;
mod pyrenn;
mod states;
mod support;
