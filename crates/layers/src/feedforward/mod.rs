//! Layers without a state. They map each position of a sequence, or each window of positions, independently.

pub(crate) mod adaptive_softmax;
pub(crate) mod batch_norm;
pub(crate) mod conv1d;
pub(crate) mod conv2d;
pub(crate) mod dropout;
pub(crate) mod embedding;
pub(crate) mod layer_norm;
pub(crate) mod linear;
pub(crate) mod mixture_of_softmaxes;
pub(crate) mod stateless;
mod unfold;
