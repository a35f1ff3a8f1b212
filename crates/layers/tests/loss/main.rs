//! Losses: values and gradients of PyTorch, masks, extremes, and second order.

#[path = "../common/golden.rs"]
mod golden;

mod cross_entropy;
mod ctc;
mod custom;
mod errors;
mod laws;
mod pytorch;
mod regression;
mod softmaxes;
