//! Errors of the analysis of dynamics.

use bptt_tensor::{Scalar, Tensor};

/// The reason why a question about the dynamics of a layer has no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DynamicsError {
    /// A value is NaN or infinite.
    #[error(
        "{quantity} {index} is not finite: the run diverges; shorten it or its intervals, start it elsewhere, or check \
         inputs and weights"
    )]
    NonFinite {
        /// What is not finite, such as `"the state after step"`.
        quantity: &'static str,
        /// Its number, from 0.
        index: usize,
    },

    /// A decomposition of a matrix does not converge.
    #[error(
        "the {values} of Jacobian {index} do not converge; it may be badly scaled: check its entries"
    )]
    NoDecomposition {
        /// What was asked for: `"eigenvalues"` or `"singular values"`.
        values: &'static str,
        /// The number of the Jacobian, from 0.
        index: usize,
    },

    /// A run has too few steps for the question.
    #[error("{steps} steps are too few: {needed} are needed; give a longer sequence")]
    TooShort {
        /// The steps of the run.
        steps: usize,
        /// The steps that are needed.
        needed: usize,
    },

    /// No start leads to a fixed or slow point.
    #[error(
        "none of {starts} starts leads to a fixed or slow point: the smallest q is {smallest:e}; give more starts or \
         steps, or a larger tolerance for slow points"
    )]
    NoFixedPoint {
        /// The number of starts.
        starts: usize,
        /// The smallest `q` that was reached; NaN if all starts diverged.
        smallest: f64,
    },

    /// The normal equations of a linear regression are singular.
    #[error(
        "the normal equations of the readouts are singular: give a larger ridge, or a longer sequence"
    )]
    SingularRegression,
}

/// Returns the values if all are finite. The error names the first entry of axis 0 that is not. Entries are numbered
/// from `first`.
pub(super) fn finite<T: Scalar>(
    quantity: &'static str,
    first: usize,
    values: Tensor<T>,
) -> Result<Tensor<T>, DynamicsError> {
    match values.iter().position(|x| !x.is_finite()) {
        Some(place) => {
            let index = first + place / (values.len() / values.shape()[0]);
            Err(DynamicsError::NonFinite { quantity, index })
        }
        None => Ok(values),
    }
}
