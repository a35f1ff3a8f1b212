//! The independently recurrent network.

use bptt_autodiff::{Param, Var};
use bptt_tensor::Scalar;
use rand::Rng;

use super::options::activation_options;
use super::parameters::{input_weight, zeros};
use crate::activation::Activation;
use crate::core::cell::StateSizes;
use crate::core::init::Init;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};
use crate::core::options::init_options;

/// The independently recurrent network or `IndRNN` (Li et al. 2018):
///
/// ```text
/// h = f(x W_ih + w_hh ⊙ h₋ + b)
/// ```
///
/// `x: [B, I]`, `W_ih: [I, H]`, `w_hh: [H]`, `b: [H]`. The state and the output are `h: [B, H]`.
/// `I·H + 2H` parameters.
///
/// `w_hh` is a vector, since each unit reads only its own previous value. The paper writes `u` for `w_hh`. Layers above
/// mix the units. The gradient of a rectified unit with weight `w` through `T` steps is `w^T` or 0. It stays below `γ`
/// if `|w| ≤ γ^{1/T}`, which [`clip_recurrent`](Self::clip_recurrent) ensures after each update.
#[derive(Clone, Debug, Module)]
pub struct IndRnn<T> {
    /// `W_ih: [I, H]`
    pub w_ih: Param<T>,
    /// `w_hh: [H]`
    pub w_hh: Param<T>,
    /// `b: [H]`
    pub b: Param<T>,
    /// `f`
    #[module(skip)]
    pub activation: Activation<T>,
}

impl<T: Scalar> IndRnn<T> {
    /// Creates a cell with `f = relu`. `W_ih` starts from [`Init::Xavier`](crate::Init::Xavier), `w_hh` uniform
    /// between 0 and 1, `b` zero.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        Self {
            w_ih: input_weight(rng, 1, [input_size, hidden_size]),
            w_hh: Param::new(Init::Uniform { low: 0.0, high: 1.0 }.tensor(rng, [hidden_size])),
            b: zeros([hidden_size]),
            activation: Activation::Relu,
        }
    }

    activation_options! {
        activation: "`f`";
    }

    init_options! {
        input_init: "`W_ih`", |cell| [(&mut cell.w_ih, 1)];
        recurrent_init: "`w_hh`", |cell| [(&mut cell.w_hh, 1)];
        bias_init: "`b`", |cell| [(&mut cell.b, 1)];
    }

    /// Limits every recurrent weight to `−limit ..= limit`.
    ///
    /// # Panics
    ///
    /// If `limit` is negative.
    #[track_caller]
    pub fn clip_recurrent(&mut self, limit: f64) {
        assert!(limit >= 0.0, "clip_recurrent: a limit is at least 0, not {limit}");
        let limit = T::of(limit);
        for weight in self.w_hh.value_mut().as_mut_slice() {
            *weight = weight.max(-limit).min(limit);
        }
    }
}

step_without_noise!(IndRnn, Var<'t, T>);

impl<T: Scalar> NoisyCell<T> for IndRnn<T> {
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        h: Var<'t, T>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Var<'t, T>) {
        let z = x.matmul(&self.w_ih) + noise.read(0, h) * &self.w_hh + &self.b;
        let h = self.activation.apply(z).probe("h");
        (h, h)
    }
}

impl<T> StateSizes for IndRnn<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_hh.shape()[0]]
    }
}
