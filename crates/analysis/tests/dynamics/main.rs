//! The dynamics of layers, against hand-derived values, known systems and theorems.

extern crate bptt_layers as bptt; // for the derive macro

mod chain;
mod fixed_points;
mod jacobians;
mod lyapunov;
mod memory_capacity;
mod saturation;
mod systems;
mod trained;
