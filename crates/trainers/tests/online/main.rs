//! Learners forward in time compute the gradients that their equations promise.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

extern crate bptt_layers as bptt; // the derived code refers to the façade

mod by_hand;
mod element_wise;
mod exact;
mod life;
mod saved;
mod snap1;
mod support;
mod threads;
mod traces;
mod uoro;
