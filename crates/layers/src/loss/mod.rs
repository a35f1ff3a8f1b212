//! Losses over time, with masks for padded steps.
//!
//! A loss has one value for each *position*, which is everything but the last axis: `[T, B]` for
//! the outputs `[T, B, F]` of a batch of sequences, `[B]` for one time step. It is taken as the sum
//! or the mean over positions, or as it is:
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
//! [`ctc`] has one value for each sequence `[B]`: the order of its labels is known, not the steps
//! where they stand.

mod cross_entropy;
mod ctc;
mod positions;
mod regression;

use bptt_autodiff::Var;
use bptt_tensor::{Scalar, Tensor};

pub use cross_entropy::{CrossEntropy, cross_entropy, negative_log_likelihood};
pub use ctc::{Ctc, ctc};
pub(crate) use positions::Positions;
pub use regression::{
    binary_cross_entropy, euclidean_distance, huber, mean_squared_error, squared_error,
};

use cross_entropy::ClassTerms;
use ctc::CtcTerms;
use regression::ErrorTerms;

/// A loss at every position, of which the [`sum`](Self::sum) or [`mean`](Self::mean) can be taken.
#[derive(Clone, Debug)]
#[must_use = "a loss is taken by `sum`, `mean` or `per_position`"]
pub struct Loss<'t, T: Scalar> {
    terms: Terms<'t, T>,
    positions: Positions<T>,
}

/// What is computed at the positions that the mask keeps.
#[derive(Clone, Debug)]
enum Terms<'t, T: Scalar> {
    Class(ClassTerms<'t, T>),
    Error(ErrorTerms<'t, T>),
    Ctc(CtcTerms<'t, T>),
}

impl<'t, T: Scalar> Loss<'t, T> {
    /// With a weight for each position, of the positions' shape: 0 drops a position, such as a
    /// padded step. Whatever this loss's operands hold at a dropped position, NaN included, reaches
    /// neither the loss nor their gradient. (A layer below multiplies that zero gradient with its own
    /// inputs, so what it reads at a padded step must be finite.) The weights of several masks
    /// multiply.
    ///
    /// # Panics
    ///
    /// If the mask does not have the shape of the positions, or a weight is negative or not finite.
    #[track_caller]
    pub fn masked(self, mask: &Tensor<T>) -> Self {
        Self { positions: self.positions.masked(mask), ..self }
    }

    /// The sum over positions, weighted by the mask if there is one.
    #[track_caller]
    #[must_use]
    pub fn sum(self) -> Var<'t, T> {
        self.per_position().sum_all()
    }

    /// The mean over positions: their sum divided by their number, or by the sum of the mask. Where
    /// classes have [weights](CrossEntropy::class_weights), that of the target counts as well.
    ///
    /// # Panics
    ///
    /// If there is no position, or no weight is left: the mask drops all.
    #[track_caller]
    #[must_use]
    pub fn mean(self) -> Var<'t, T> {
        let weight = match &self.terms {
            Terms::Class(terms) => terms.weight(&self.positions),
            Terms::Error(_) | Terms::Ctc(_) => self.positions.weight(),
        };
        assert!(weight > 0.0, "a mean loss needs a position that its mask does not drop");
        self.sum() / weight
    }

    /// The loss at each position, multiplied by the mask if there is one.
    #[track_caller]
    #[must_use]
    pub fn per_position(self) -> Var<'t, T> {
        let losses = match &self.terms {
            Terms::Class(terms) => terms.per_position(&self.positions),
            Terms::Error(terms) => terms.per_position(&self.positions),
            Terms::Ctc(terms) => terms.per_position(&self.positions),
        };
        match self.positions.mask() {
            None => losses,
            Some(mask) => losses * mask,
        }
    }
}
