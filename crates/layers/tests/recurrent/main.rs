//! Cells, and the ways to run them: against PyTorch, against their equations by hand, and by the laws of recurrence.

extern crate bptt_layers as bptt; // the code that the derive macros generate refers to the façade

#[macro_use]
mod support;

#[path = "../common/golden.rs"]
mod golden;

mod batch_norm;
mod boxed;
mod cell_memory;
mod cells;
mod cells_with_structure;
mod chunkwise;
mod conv1d;
mod conv2d;
mod costates;
mod errors;
mod free_running;
mod init;
mod initial_values;
mod layers;
mod lists;
mod lstm_descendants;
mod lstm_family;
mod matrix_memories;
mod noise;
mod options;
mod orthogonal_and_linear;
mod other_cells;
mod probes;
mod pytorch;
mod pytorch_equations;
mod recent_cells;
mod resets;
mod scanned;
mod sequences;
mod stepwise;
mod truncation;
mod vanishing;
mod weight_dropout;
mod wrappers;
