//! Every kernel against plain loops over indices, on random shapes that include scalars and
//! extents of zero and one.

mod along;
mod common;
mod conversions;
mod elementwise;
mod index;
mod matmul;
mod operators;
mod packed;
mod random;
mod reduce;
mod shape_errors;
mod softmax;
mod threads;
