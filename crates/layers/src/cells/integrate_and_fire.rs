//! Spiking neurons: leaky integrate-and-fire.

use bptt_autodiff::{Param, Var};
use bptt_tensor::Scalar;
use rand::Rng;

use super::options::constant_options;
use super::parameters::{input_weight, recurrent_weight, zeros};
use crate::activation::Surrogate;
use crate::core::cell::StateSizes;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};
use crate::core::options::init_options;

/// Leaky integrate-and-fire neurons with synaptic currents, as a recurrent cell (Neftci, Mostafa and Zenke 2019):
///
/// ```text
/// u = β u₋ + c₋ − s₋
/// c = α c₋ + x W_ih + s₋ W_hh + b
/// s = Θ(u − 1)
/// ```
///
/// `x: [B, I]`, `W_ih: [I, H]`, `W_hh: [H, H]`, `b: [H]`; the decays `α` and `β` are numbers. The state is `(s, u, c)`:
/// spikes, membrane potentials and synaptic currents, each `[B, H]`; the output is `s`, 0 or 1.
/// `I·H + H·H + H` parameters.
///
/// A neuron spikes where its potential is above the threshold 1, and a spike takes 1 off the potential. The step
/// function `Θ` has a [`Surrogate`] gradient. With time steps of `Δt`, a time constant `τ` gives the decay
/// `exp(−Δt/τ)`. The paper writes `I` for `c`, `W` for `W_ih` and `V` for `W_hh`, and has no bias.
#[doc(alias = "LIF")]
#[doc(alias = "spiking")]
#[derive(Clone, Debug, Module)]
pub struct LeakyIntegrateAndFire<T> {
    /// `W_ih: [I, H]`
    pub w_ih: Param<T>,
    /// `W_hh: [H, H]`
    pub w_hh: Param<T>,
    /// `b: [H]`
    pub b: Param<T>,
    /// `α`
    #[module(skip)]
    pub synaptic_decay: f64,
    /// `β`
    #[module(skip)]
    pub membrane_decay: f64,
    /// The gradient of the spikes.
    #[module(skip)]
    pub surrogate: Surrogate,
}

impl<T: Scalar> LeakyIntegrateAndFire<T> {
    /// Creates neurons with time constants of 5 steps for currents, `α = exp(−1/5)`, and of 10 for potentials,
    /// `β = exp(−1/10)`. The surrogate is [`Surrogate::FastSigmoid`] with `β = 10`. `W_ih` starts from
    /// [`Init::Xavier`](crate::Init::Xavier), `W_hh` orthogonal, `b` zero.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        Self {
            w_ih: input_weight(rng, 1, [input_size, hidden_size]),
            w_hh: recurrent_weight(rng, 1, [hidden_size, hidden_size]),
            b: zeros([hidden_size]),
            synaptic_decay: (-0.2_f64).exp(),
            membrane_decay: (-0.1_f64).exp(),
            surrogate: Surrogate::FastSigmoid { beta: 10.0 },
        }
    }

    constant_options! {
        synaptic_decay: "`α`, the share of a current that is left after a step";
        membrane_decay: "`β`, the share of a potential that is left after a step";
    }

    /// Sets the gradient of the spikes.
    #[must_use]
    pub fn surrogate(self, surrogate: Surrogate) -> Self {
        Self { surrogate, ..self }
    }

    init_options! {
        input_init: "`W_ih`", |cell| [(&mut cell.w_ih, 1)];
        recurrent_init: "`W_hh`", |cell| [(&mut cell.w_hh, 1)];
        bias_init: "`b`", |cell| [(&mut cell.b, 1)];
    }
}

step_without_noise!(LeakyIntegrateAndFire, (Var<'t, T>, Var<'t, T>, Var<'t, T>));

impl<T: Scalar> NoisyCell<T> for LeakyIntegrateAndFire<T> {
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        (s, u, c): Self::State<'t>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let u = (u * self.membrane_decay + c - s).probe("u");
        let driven = x.matmul(&self.w_ih) + noise.read(0, s).matmul(&self.w_hh) + &self.b;
        let c = (c * self.synaptic_decay + noise.written(2, driven)).probe("c");
        let s = self.surrogate.apply(u - 1.0).probe("s");
        (s, (s, u, c))
    }
}

impl<T> StateSizes for LeakyIntegrateAndFire<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.b.shape()[0]; 3]
    }
}
