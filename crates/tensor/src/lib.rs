//! Dense tensors and their kernels.
//!
//! A [`Tensor`] is contiguous and row-major, so every kernel is written once. Buffers are shared,
//! pooled and reused. Operands broadcast as in NumPy, and results are bit-identical for any number
//! of threads. Gradients are in `bptt-autodiff`, which records these operations.
//!
//! An operation panics at the caller's line if the shapes do not fit. The message names the
//! operation, the shapes, the axis and the remedy.

mod cpu;
mod gemm;
mod half;
mod instances;
mod kernels;
mod memory;
#[doc(hidden)] // the target of the scan compiler in `bptt-autodiff`; not a public API
pub mod rows;
mod scalar;
pub mod shape;
mod tensor;
mod vecmath;

pub use cpu::forks::{Forks, count_forks};
pub use cpu::team::low_latency;
pub use gemm::packed::PackedRhs;
pub use half::HalfPrecision;
#[doc(hidden)]
pub use instances::instances;
#[doc(hidden)] // functions as data, for `bptt-autodiff`; not a public API
pub use kernels::{binary::Binary, unary::Unary};
pub use memory::pool::{pooled_bytes, release_pooled_memory};
pub use scalar::Scalar;
pub use shape::{Shape, ShapeError, Transpose};
pub use tensor::{Operand, Tensor};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
