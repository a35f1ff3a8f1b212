//! Dense tensors and their kernels.
//!
//! One layout — contiguous, row-major — so that every kernel is written once; shared buffers that
//! are pooled and reused; NumPy's broadcasting; results that are bit-identical for any number of
//! threads. This crate knows nothing of gradients: `bptt-autodiff` records its operations.
//!
//! A shape that does not fit an operation is a mistake in the program and panics at the caller's
//! line, naming the operation, the shapes, the axis and the mend.

mod cpu;
mod gemm;
mod instances;
mod kernels;
mod memory;
#[doc(hidden)] // what recurrences are compiled to, for `bptt-autodiff`; no public API
pub mod rows;
mod scalar;
pub mod shape;
mod tensor;
mod vecmath;

pub use gemm::packed::PackedRhs;
#[doc(hidden)]
pub use instances::instances;
pub use kernels::binary::Binary;
pub use kernels::unary::Unary;
pub use memory::pool::{pooled_bytes, release_pooled_memory};
pub use scalar::Scalar;
pub use shape::{Shape, ShapeError, Transpose};
pub use tensor::{Operand, Tensor};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
