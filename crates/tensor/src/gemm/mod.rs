//! Matrix products.
//!
//! Each product takes one of three routes by its size ([`strided`] chooses):
//!
//! - Few rows take [`thin`] loops, since packing would cost most of the time.
//!
//! - Many rows take [`packed`], which packs the right operand.
//!
//! - All others take `matrixmultiply`, in tiles of at most 16 by 16 elements of C.
//!
//! Large products are divided into blocks of C for several threads. The blocks' edges are multiples
//! of the tiles, and the contracted axis is never divided. So every element sees the same
//! operations in the same order as on one thread.

pub(crate) mod blas;
mod matmul;
pub(crate) mod packed;
mod strided;
mod thin;
pub(crate) mod transposed;

pub use matmul::multiply_matrices;
