//! Exact tests of derivatives: closed forms, documented subgradients, differentiable sources, and
//! gradients that are not computed. `bptt-gradcheck` tests that every operation obeys the laws of
//! derivatives.

mod custom;
mod kinks;
mod operands;
mod orders;
mod precision;
mod sources;
mod stretched;
mod substitution;
mod support;
mod zeros;
