//! Products of Jacobians along a run, against their bounds.

use std::ops::Range;

use bptt_tensor::Tensor;
use rayon::prelude::*;

use super::DynamicsError;
use crate::linear_algebra::spectral_norm;

/// The norms `‖∂s_t/∂s_k‖₂` of the Jacobians between all states of a run, and a bound of each.
///
/// ```text
/// ∂s_t/∂s_k = J_t J_{t−1} … J_{k+1}       ‖∂s_t/∂s_k‖₂ ≤ Π_{k<j≤t} ‖J_j‖₂
/// ```
///
/// The norm is the largest factor by which a gradient changes on its way from step `t` back to step `k`. Where it falls
/// to 0 with the lag `t − k`, gradients vanish (Bengio, Simard and Frasconi, *Learning Long-Term Dependencies with
/// Gradient Descent is Difficult*, 1994). The product of the norms of the steps bounds it for any cell. If the
/// steps have a [Lipschitz constant](super::Lipschitz) `L`, another bound is `L^{t−k}`. For `h = φ(x W_ih + h₋ W + b)` it is
/// `(‖W‖₂ γ)^{t−k}` with `γ = max |φ′|` (Pascanu, Mikolov and Bengio, *On the difficulty of training recurrent neural
/// networks*, 2013).
///
/// The norms of a run of `T` steps take `T² / 2` singular value decompositions, on all threads: seconds for an LSTM of 64
/// units over 100 steps. [`Jacobians::chain_of`](super::Jacobians::chain_of) takes those of one variable of the state.
///
/// ```
/// use bptt_analysis::dynamics::{Dynamics, Lipschitz};
/// use bptt_layers::Elman;
/// use bptt_tensor::Tensor;
///
/// let mut rng = bptt_layers::rng(0);
/// let elman = Elman::<f64>::new(&mut rng, 3, 8);
/// let xs = Tensor::normal([20, 1, 3], 0.0, 1.0, &mut rng); // [T, B, I]
/// let chain = Dynamics::new(&elman).jacobians(&xs, 0)?.chain()?;
/// let chain = chain.bounded_by(elman.lipschitz().expect("tanh has a largest slope"));
/// assert!(chain.norms()[[19, 0]] < chain.bounds()[[19, 0]]);
/// assert!(chain.norms()[[19, 0]] < 0.1 * chain.norms()[[1, 0]]); // vanishing
/// # Ok::<(), bptt_analysis::dynamics::DynamicsError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JacobianChain {
    norms: Tensor<f64>,
    bounds: Tensor<f64>,
}

impl JacobianChain {
    /// Multiplies Jacobians `J_t`, `[T, S, S]`, and takes the norms of the block of these elements. The first Jacobian is
    /// with respect to the state before the run, and unused.
    pub(super) fn new(
        jacobians: &Tensor<f64>,
        elements: Range<usize>,
    ) -> Result<Self, DynamicsError> {
        let (steps, size) = (jacobians.shape()[0], jacobians.shape()[1]);
        let unit_vectors = Tensor::eye(size).slice(0, elements.clone());
        let count = elements.len();
        let mut norms = Tensor::eye(steps);
        let mut bounds = Tensor::eye(steps);
        // the columns of ∂s_t/∂s_k for all k, as rows one below another, so that one product extends them all
        let mut products = Tensor::zeros([0, size]);
        for t in 0..steps {
            let jacobian = jacobians.index_first(t);
            products = Tensor::concat(&[products.matmul_t(&jacobian), unit_vectors.clone()], 0);
            let step_norm = norm(&jacobian, t)?;
            let norm_of = |k| {
                let columns = products.slice(0, k * count..(k + 1) * count);
                norm(&columns.slice(1, elements.clone()), t)
            };
            let row: Vec<f64> = (0..t).into_par_iter().map(norm_of).collect::<Result<_, _>>()?;
            for (k, norm) in row.into_iter().enumerate() {
                norms.as_mut_slice()[t * steps + k] = norm;
                bounds.as_mut_slice()[t * steps + k] = step_norm * bounds[[t - 1, k]];
            }
        }
        Ok(Self { norms, bounds })
    }

    /// Sets the bound of each norm to `lipschitz^{t−k}`.
    ///
    /// # Panics
    ///
    /// If the constant is negative or NaN.
    #[track_caller]
    #[must_use]
    pub fn bounded_by(self, lipschitz: f64) -> Self {
        assert!(lipschitz >= 0.0, "a Lipschitz constant is at least 0, not {lipschitz}");
        let steps = self.steps();
        let bound = |i: usize| match (i / steps).checked_sub(i % steps) {
            Some(lag) => lipschitz.powf(lag as f64),
            None => 0.0,
        };
        Self { bounds: Tensor::from_fn([steps, steps], bound), ..self }
    }

    /// Returns the number `T` of steps.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.norms.shape()[0]
    }

    /// Returns `‖∂s_t/∂s_k‖₂` in entry `[t, k]` of `[T, T]`, where `s_t` is the state after step `t`. It is 1 for `k = t`
    /// and 0 for later `k`.
    #[must_use]
    pub fn norms(&self) -> &Tensor<f64> {
        &self.norms
    }

    /// Returns the bounds of the norms, `[T, T]`.
    #[must_use]
    pub fn bounds(&self) -> &Tensor<f64> {
        &self.bounds
    }

    /// Returns the geometric mean of the norms at each lag `t − k`, `[T]`. It is 0 where a norm is 0.
    #[must_use]
    pub fn norms_by_lag(&self) -> Vec<f64> {
        by_lag(&self.norms)
    }

    /// Returns the geometric mean of the bounds at each lag, `[T]`.
    #[must_use]
    pub fn bounds_by_lag(&self) -> Vec<f64> {
        by_lag(&self.bounds)
    }
}

/// Returns the norm of a product of Jacobians up to step `t`.
fn norm(product: &Tensor<f64>, t: usize) -> Result<f64, DynamicsError> {
    if !product.is_finite() {
        return Err(DynamicsError::NonFinite {
            quantity: "the product of Jacobians up to step",
            index: t,
        });
    }
    let values = "singular values";
    spectral_norm(product).ok_or(DynamicsError::NoDecomposition { values, index: t })
}

fn by_lag(values: &Tensor<f64>) -> Vec<f64> {
    let steps = values.shape()[0];
    let mean = |lag| {
        let logarithms = (lag..steps).map(|t| values[[t, t - lag]].ln());
        (logarithms.sum::<f64>() / (steps - lag) as f64).exp()
    };
    (0..steps).map(mean).collect()
}
