//! Exported models beside the library, in two runtimes, and what cannot be exported.

extern crate bptt_layers as bptt; // the name in what `derive` writes

mod cells;
mod errors;
mod onnx_runtime;
mod tract;
