//! Exports recurrent networks to [ONNX](https://onnx.ai), for runtimes of other languages and machines.
//!
//! A layer is traced without values. Each of its recurrences becomes a `Scan` whose body is the equations of the cell, so cells of
//! your own can be exported too. The numbers of steps and of sequences stay open. [`FunctionExport`] exports any function, with symbols
//! and lengths as inputs. [`weights`] reads the weights of recurrent operators of other programs.
//!
//! ```
//! use bptt_layers::Gru;
//!
//! let gru = Gru::new(&mut bptt_layers::rng(0), 3, 4);
//! let model = bptt_onnx::export(&gru, 3)?;
//! assert_eq!(model.inputs(), ["xs", "first"]); // [steps, batch, 3], [batch, 4]
//! assert_eq!(model.outputs(), ["ys", "last"]); // [steps, batch, 4], [batch, 4]
//! let bytes = model.to_bytes();
//! # assert!(bytes.len() > 100);
//! # Ok::<(), bptt_onnx::ExportError>(())
//! ```

#![forbid(unsafe_code)]

mod derived;
mod dims;
mod emitter;
mod error;
mod function;
mod hoist;
mod inputs;
mod layer;
mod model;
mod operators;
mod proto;
mod scan;
mod shared;
mod splits;
mod standard;
mod weights;

pub use dims::Dim;
pub use error::{ExportError, ImportError};
pub use function::FunctionExport;
pub use inputs::Inputs;
pub use layer::{LayerExport, export};
pub use model::OnnxModel;
pub use weights::weights;

/// The version of ONNX's operator set that exported models use.
pub const OPERATOR_SET: i64 = 18;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
