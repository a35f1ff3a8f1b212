//! Reports of training: what is recorded, what is diagnosed, and what becomes of it on a full disk.

extern crate bptt_layers as bptt; // the code that the derive macro generates refers to `::bptt`

mod folder;
mod illness;
mod measured;
mod page;
mod support;
mod tensorboard;
