//! Exported models beside the library, in two runtimes, and what cannot be exported.

extern crate bptt_layers as bptt; // the name in what `derive` writes

mod cells;
mod errors;
mod exported;
mod models;
mod onnx_runtime;
mod operations;
mod tract;

/// All exported models.
fn all() -> Vec<exported::Exported> {
    cells::all().into_iter().chain(models::all()).chain(operations::all()).collect()
}
