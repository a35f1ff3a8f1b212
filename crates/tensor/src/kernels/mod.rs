//! Operations on tensors, one kind to a file: the methods, and the loops that they run.

pub(crate) mod arithmetic;
pub(crate) mod binary;
mod broadcast;
mod cumulate;
mod elementwise;
mod fold;
mod gather;
mod join;
pub mod lanes;
mod loops;
mod mask;
pub(crate) mod norm;
mod permute;
mod random;
mod reduce;
mod softmax;
mod sort;
pub(crate) mod unary;
