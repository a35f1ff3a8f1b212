//! Layer normalization.

use bptt_autodiff::{Param, Var};
use bptt_tensor::{Scalar, Tensor};

use super::stateless::cell_without_state;
use crate::core::module::Module;
use crate::core::options::epsilon_option;

/// Layer normalization (Ba, Kiros and Hinton 2016): scales the features of each position to mean 0 and variance 1, then
/// multiplies them by a gain and adds a bias.
///
/// ```text
/// y = (x − μ) / √(σ² + ε) ⊙ g + b
/// ```
///
/// `μ` and `σ²` are the mean and the variance of the last axis, divided by its size. `x`, `y: [.., F]`, `g`,
/// `b: [F]`; `2F` parameters. `ε` is `1e-5` by default, and [`epsilon`](Self::epsilon) sets it.
#[derive(Clone, Debug, Module)]
pub struct LayerNorm<T> {
    /// `g: [F]`
    pub gain: Param<T>,
    /// `b: [F]`
    pub bias: Param<T>,
    /// `ε`
    #[module(skip)]
    pub epsilon: f64,
}

impl<T: Scalar> LayerNorm<T> {
    /// Creates a layer norm with gains of one and biases of zero.
    #[must_use]
    pub fn new(features: usize) -> Self {
        Self {
            gain: Param::new(Tensor::ones([features])),
            bias: Param::new(Tensor::zeros([features])),
            epsilon: 1e-5,
        }
    }

    epsilon_option!(|norm| [norm]);

    /// Returns the normalized features.
    ///
    /// # Panics
    ///
    /// If the last axis of `x` is not the number of features.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        let centred = x - x.mean_keep(&[-1]);
        let deviation = (centred.square().mean_keep(&[-1]) + self.epsilon).sqrt();
        centred / deviation * &self.gain + &self.bias
    }
}

cell_without_state!(LayerNorm);
