//! Gradients of parameters by lag.

use bptt_layers::Module;
use bptt_tensor::{Scalar, Tensor};

use super::agreement::Agreement;
use super::lags::Part;
use crate::norm::norm;

/// The gradient of each parameter by lag, from [`GradientsOverTime::by_lag`](super::GradientsOverTime::by_lag).
///
/// Truncation to `K` steps, [`Truncation::window(K)`](bptt_layers::Truncation::window), keeps the lags `ℓ < K`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GradientsByLag<T> {
    /// The parameters, in the order of declaration.
    pub parameters: Vec<ParameterByLag<T>>,
}

/// The gradient of a parameter `θ` by lag.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ParameterByLag<T> {
    /// The name of the parameter, such as `w_hh`.
    pub name: String,
    /// The part of each lag, `[lags, ..]`: `parts[ℓ] = Σ_t (∂s_{t−ℓ}/∂θ)ᵀ ∂L_t/∂s_{t−ℓ}`. The parts of all `T` lags
    /// sum to [`whole`](Self::whole).
    pub parts: Tensor<T>,
    /// The whole gradient `∂L/∂θ`, from back-propagation through the whole run.
    pub whole: Tensor<T>,
}

impl<T: Scalar> GradientsByLag<T> {
    /// Makes room for the parts with this many lags.
    pub(super) fn new(model: &impl Module<T>, wholes: Vec<Tensor<T>>, lags: usize) -> Self {
        let room = |((name, _), whole): ((String, _), Tensor<T>)| {
            let shape: Vec<_> = [lags].into_iter().chain(whole.shape().iter().copied()).collect();
            ParameterByLag { name, parts: Tensor::zeros(shape), whole }
        };
        Self { parameters: model.parameters().into_iter().zip(wholes).map(room).collect() }
    }

    /// Enters the part with one lag.
    pub(super) fn enter(&mut self, model: &impl Module<T>, part: &Part<'_, T>) {
        for (own, (_, param)) in self.parameters.iter_mut().zip(model.parameters()) {
            if let Some(gradient) = part.gradients.get(param) {
                let size = gradient.len();
                let places = part.lag * size..(part.lag + 1) * size;
                own.parts.as_mut_slice()[places].copy_from_slice(gradient.as_slice());
            }
        }
    }

    /// Returns the gradient of the parameter of this name, if there is one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&ParameterByLag<T>> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }

    /// Returns the number of lags.
    #[must_use]
    pub fn lags(&self) -> usize {
        self.parameters.first().map_or(0, ParameterByLag::lags)
    }

    /// Returns the norm of each lag's part, for all parameters together.
    #[must_use]
    pub fn norms(&self) -> Vec<f64> {
        let parts = |lag| self.parameters.iter().map(|own| own.part(lag)).collect::<Vec<_>>();
        (0..self.lags()).map(|lag| norm(&parts(lag))).collect()
    }

    /// Returns the agreement of truncated gradients with the whole one, for all parameters together. Entry `K − 1` keeps
    /// the lags `ℓ < K`.
    #[must_use]
    pub fn kept(&self) -> Vec<Agreement> {
        kept(&self.parameters.iter().collect::<Vec<_>>(), self.lags())
    }
}

impl<T: Scalar> ParameterByLag<T> {
    /// Returns the number of lags.
    #[must_use]
    pub fn lags(&self) -> usize {
        self.parts.shape()[0]
    }

    /// Returns the part with one lag, in the shape of the parameter.
    ///
    /// # Panics
    ///
    /// If there is no such lag.
    #[track_caller]
    #[must_use]
    pub fn part(&self, lag: usize) -> Tensor<T> {
        self.parts.index_first(lag)
    }

    /// Returns the norm of each lag's part.
    #[must_use]
    pub fn norms(&self) -> Vec<f64> {
        (0..self.lags()).map(|lag| norm([&self.part(lag)])).collect()
    }

    /// Returns the agreement of truncated gradients with the whole one. Entry `K − 1` keeps the lags `ℓ < K`.
    #[must_use]
    pub fn kept(&self) -> Vec<Agreement> {
        kept(&[self], self.lags())
    }
}

/// Compares the sums of the first lags with the whole gradient.
fn kept<T: Scalar>(parameters: &[&ParameterByLag<T>], lags: usize) -> Vec<Agreement> {
    let wholes: Vec<_> = parameters.iter().map(|own| &own.whole).collect();
    let mut sums: Vec<_> = wholes.iter().map(|whole| Tensor::zeros(whole.shape())).collect();
    let up_to = |lag: usize| {
        for (sum, own) in sums.iter_mut().zip(parameters) {
            *sum += own.part(lag);
        }
        Agreement::of(&sums.iter().collect::<Vec<_>>(), &wholes)
    };
    (0..lags).map(up_to).collect()
}
