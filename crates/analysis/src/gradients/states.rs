//! Gradients with respect to states.

use bptt_tensor::{Scalar, Tensor};

use crate::norm::norm;

/// The gradients of a loss with respect to the state after each step, from
/// [`GradientsOverTime::states`](super::GradientsOverTime::states).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StateGradients<T> {
    /// The gradients for each variable of the state, in the order of its leaves.
    pub variables: Vec<StateGradient<T>>,
}

/// The gradients of a loss with respect to one variable of the state.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StateGradient<T> {
    /// The path of the variable, such as `state.1`.
    pub name: String,
    /// The total gradient `λ_t = ∂L/∂s_t`, `[T, B, ..]`: of the losses of this step and of all later ones.
    pub total: Tensor<T>,
    /// The direct gradient `∂L_t/∂s_t`, `[T, B, ..]`: of the loss of this step alone.
    pub direct: Tensor<T>,
}

impl<T: Scalar> StateGradient<T> {
    /// Returns the norm of the total gradient at each step, over the batch.
    #[must_use]
    pub fn total_norms(&self) -> Vec<f64> {
        by_step(&self.total)
    }

    /// Returns the norm of the direct gradient at each step, over the batch.
    #[must_use]
    pub fn direct_norms(&self) -> Vec<f64> {
        by_step(&self.direct)
    }
}

fn by_step<T: Scalar>(gradient: &Tensor<T>) -> Vec<f64> {
    (0..gradient.shape()[0]).map(|step| norm([&gradient.index_first(step)])).collect()
}
