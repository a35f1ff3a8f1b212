//! Everything differentiable in the library besides the cells as they stand: layers, wrappers, ways of running
//! them, losses, and models made of them.

extern crate bptt_layers as bptt; // what the derive macros generate refers to the façade

mod activations;
mod cells;
mod layers;
mod losses;
mod models;
mod recurrences;
mod sequence_to_sequence;
mod support;
mod wrappers;
