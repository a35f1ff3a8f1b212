//! Layers without a state: each position of a sequence, or a window of positions, on its own.

pub(crate) mod batch_norm;
pub(crate) mod conv1d;
pub(crate) mod linear;
