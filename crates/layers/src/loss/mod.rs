//! Losses over time, with masks for padded steps.
//!
//! A loss has one value for each *position*. The positions are all axes but the last: `[T, B]` for the outputs `[T, B,
//! F]` of a batch of sequences, `[B]` for one step. A loss is reduced to its sum or mean, or taken at each position:
//!
//! ```
//! use bptt_autodiff::Tape;
//! use bptt_layers::loss;
//! use bptt_tensor::Tensor;
//!
//! let tape = Tape::new();
//! let logits = tape.variable(Tensor::<f64>::zeros([2, 3, 5])); // [T, B, C]
//! let targets = [0, 1, 2, 3, 4, 0];
//! let lengths = Tensor::from_vec([2, 3], vec![1.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
//!
//! let loss = loss::cross_entropy(logits, &targets).masked(&lengths).mean();
//! assert!((loss.item() - 5_f64.ln()).abs() < 1e-15);
//! ```
//!
//! [`Loss::new`] makes a custom loss of its values at each position.
//!
//! [`ctc`] and the loss of a [conditional random field](crate::Crf) have one value for each sequence, `[B]`.

pub(crate) mod cross_entropy;
pub(crate) mod ctc;
pub(crate) mod reduction;
pub(crate) mod regression;
pub(crate) mod terms;

pub use cross_entropy::{CrossEntropy, cross_entropy, negative_log_likelihood};
pub use ctc::{Ctc, ctc};
pub use reduction::Loss;
pub use regression::{
    binary_cross_entropy, euclidean_distance, huber, mean_squared_error, squared_error,
};
