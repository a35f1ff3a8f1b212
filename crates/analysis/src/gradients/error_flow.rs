//! How much of each step's loss reaches each state.

use bptt_tensor::{Scalar, Tensor};

use super::lags::Part;
use crate::norm::{norm, norm_of};

/// The norms `‖∂L_t/∂s_k‖` of the gradient of each step's loss with respect to each state, from
/// [`GradientsOverTime::error_flow`](super::GradientsOverTime::error_flow).
///
/// Matrices are `[T, T]`, with `t` in rows and `k` in columns. They are lower triangular, since a loss does not depend on
/// later states. Norms are over the features of all sequences of the batch, `√(Σ_b ‖∂L_t/∂s_{k,b}‖²)`. A gradient
/// vanishes as fast as rows fall from the diagonal to the left (Hochreiter 1991; Bengio, Simard and Frasconi 1994).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ErrorFlow {
    /// The path of each variable of the state, such as `state.1`.
    pub names: Vec<String>,
    /// The matrix of each variable of the state.
    pub norms: Vec<Tensor<f64>>,
}

impl ErrorFlow {
    pub(super) fn new(names: Vec<String>, steps: usize) -> Self {
        let norms = vec![Tensor::zeros([steps, steps]); names.len()];
        Self { names, norms }
    }

    /// Enters the norms of one lag: the diagonal `t = k + lag`.
    pub(super) fn enter<T: Scalar>(&mut self, part: &Part<'_, T>) {
        for (norms, costates) in self.norms.iter_mut().zip(&part.costates) {
            let steps = norms.shape()[0];
            for k in 0..steps - part.lag {
                norms.as_mut_slice()[(k + part.lag) * steps + k] = norm([&costates.index_first(k)]);
            }
        }
    }

    /// Returns the number of steps `T`.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.norms.first().map_or(0, |norms| norms.shape()[0])
    }

    /// Returns the norms for all variables of the state together, `[T, T]`.
    #[must_use]
    pub fn overall(&self) -> Tensor<f64> {
        let steps = self.steps();
        let of = |i: usize| norm_of(self.norms.iter().map(|norms| norms.as_slice()[i]));
        Tensor::from_fn([steps, steps], of)
    }

    /// Returns the root mean square of the norms of each lag, over all steps that have it, for all variables of the state
    /// together: `T` numbers.
    #[must_use]
    pub fn norms_by_lag(&self) -> Vec<f64> {
        let (overall, steps) = (self.overall(), self.steps());
        let mean = |lag: usize| {
            let norms = (lag..steps).map(|t| overall[[t, t - lag]]);
            norm_of(norms) / ((steps - lag) as f64).sqrt()
        };
        (0..steps).map(mean).collect()
    }
}
