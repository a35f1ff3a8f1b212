//! Dense tensors and their kernels.
//!
//! One layout — contiguous, row-major — so that every kernel is written once; shared buffers that
//! are pooled and reused; NumPy's broadcasting; results that are bit-identical for any number of
//! threads. This crate knows nothing of gradients: `bptt-autodiff` records its operations.
//!
//! A shape that does not fit an operation is a mistake in the program and panics at the caller's
//! line, naming the operation, the shapes, the axis and the mend.

mod broadcast;
mod elementwise;
mod function;
mod index;
mod loops;
mod matmul;
mod norm;
mod packed;
mod parallel;
mod permute;
mod pool;
mod random;
mod reduce;
pub mod rows;
mod scalar;
pub mod shape;
mod simd;
mod softmax;
mod tensor;
mod vecmath;

pub use function::{Binary, Unary};
pub use packed::PackedRhs;
pub use pool::{pooled_bytes, release_pooled_memory};
pub use scalar::Scalar;
pub use shape::{Shape, ShapeError, Transpose};
pub use tensor::Tensor;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
