//! Layers without a state: each position of a sequence, or a window of positions, on its own.

pub(crate) mod batch_norm;
pub(crate) mod conv1d;
pub(crate) mod dropout;
pub(crate) mod embedding;
pub(crate) mod layer_norm;
pub(crate) mod linear;
pub(crate) mod stateless;
