//! The time window, a network without feedback.

use bptt_autodiff::{Param, Var};
use bptt_tensor::Scalar;
use rand::Rng;

use super::options::activation_options;
use super::parameters::{input_weight, zeros};
use crate::activation::Activation;
use crate::core::cell::StateSizes;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};
use crate::core::options::init_options;

/// A memoryless window of `k` inputs, a time-delay network (Waibel et al. 1989):
///
/// ```text
/// h = f([x_{t−k+1}, …, x_t] W_ih + b)
/// ```
///
/// `x: [B, I]`, `W_ih: [k·I, H]` whose last `I` rows multiply `x_t`, `b: [H]`. The state concatenates the `k − 1`
/// previous inputs, `[B, (k − 1)·I]`. At the first steps, they come from the initial state. The output is `h: [B, H]`.
/// `k·I·H + H` parameters.
///
/// There is no feedback: the response to an impulse is exactly 0 after `k` steps.
#[doc(alias = "TDNN")]
#[derive(Clone, Debug, Module)]
pub struct Window<T> {
    /// `W_ih: [k·I, H]`
    pub w_ih: Param<T>,
    /// `b: [H]`
    pub b: Param<T>,
    #[module(skip)]
    input_size: usize,
    /// `f`
    #[module(skip)]
    pub activation: Activation<T>,
}

impl<T: Scalar> Window<T> {
    /// Creates a window of `steps` inputs, with `f = tanh`. `W_ih` starts from [`Init::Xavier`](crate::Init::Xavier),
    /// `b` zero.
    ///
    /// # Panics
    ///
    /// If `steps` is 0.
    #[track_caller]
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize, steps: usize) -> Self {
        assert!(steps > 0, "a window has at least one step: the present one");
        Self {
            w_ih: input_weight(rng, 1, [steps * input_size, hidden_size]),
            b: zeros([hidden_size]),
            input_size,
            activation: Activation::Tanh,
        }
    }

    activation_options! {
        activation: "`f`";
    }

    init_options! {
        input_init: "`W_ih`", |cell| [(&mut cell.w_ih, 1)];
        bias_init: "`b`", |cell| [(&mut cell.b, 1)];
    }
}

step_without_noise!(Window, Var<'t, T>);

impl<T: Scalar> NoisyCell<T> for Window<T> {
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        before: Var<'t, T>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Var<'t, T>) {
        let inputs = Var::concat(&[before, x], -1);
        let read = Var::concat(&[noise.read(0, before), x], -1);
        let h = self.activation.apply(read.matmul(&self.w_ih) + &self.b).probe("h");
        (h, inputs.slice(-1, self.input_size..self.w_ih.shape()[0]))
    }
}

impl<T> StateSizes for Window<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_ih.shape()[0] - self.input_size]
    }
}
