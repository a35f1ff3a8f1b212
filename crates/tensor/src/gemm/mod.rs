//! Matrix products.
//!
//! `matrixmultiply` computes them, in tiles of at most 16 by 16 elements of C. Large products are
//! divided into blocks of C for several threads: the blocks' edges are multiples of the tiles, and
//! the contracted axis is never divided, so every element sees the same operations in the same
//! order as in one piece. For products of few rows, packing the operands takes `matrixmultiply`
//! most of the time, so they have loops of their own. Products of many rows pack their right
//! operand by [`packed`], which is faster then.

pub(crate) mod blas;
mod matmul;
pub(crate) mod packed;
mod strided;
mod thin;
pub(crate) mod transposed;
