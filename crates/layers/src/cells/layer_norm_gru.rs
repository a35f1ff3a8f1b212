//! The gated recurrent unit whose net inputs are normalised.

use bptt_autodiff::{Param, Var};
use bptt_tensor::Scalar;
use rand::Rng;

use super::options::Gate;
use super::options::{activation_options, bias_options, part};
use super::parameters::{input_weight, recurrent_weight};
use crate::activation::Activation;
use crate::core::cell::StateSizes;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};
use crate::core::options::{epsilon_option, init_options};
use crate::feedforward::linear::LayerNorm;

/// The layer-normalised GRU (Ba, Kiros and Hinton 2016, supplementary material):
///
/// ```text
/// r, z = σ(N_x(x W_{r,z}) + N_h(h₋ U_{r,z}))
/// n = tanh(M_x(x W_n) + r ⊙ M_h(h₋ U_n))
/// h = (1 − z) ⊙ n + z ⊙ h₋
/// ```
///
/// `N_x`, `N_h`, `M_x` and `M_h` are [`LayerNorm`]s, each with gains and biases of its own. `x: [B, I]`,
/// `W: [I, 3H]`, `U: [H, 3H]`, with the columns of `r`, `z`, `n` side by side. The state and the output are
/// `h: [B, H]`. `3(I·H + H·H) + 12H` parameters.
///
/// The update gate `z` multiplies the old state, as in [`Gru`](crate::Gru) and in Cho et al. 2014; the paper writes
/// `1 − z` for it. Only the norms have biases: [`gate_bias`](Self::gate_bias) sets those of `N_x` and `M_x`.
#[derive(Clone, Debug, Module)]
pub struct LayerNormGru<T> {
    /// `W: [I, 3H]`
    pub w: Param<T>,
    /// `U: [H, 3H]`
    pub u: Param<T>,
    /// `N_x`, over `2H` features.
    pub norm_x: LayerNorm<T>,
    /// `N_h`, over `2H` features.
    pub norm_h: LayerNorm<T>,
    /// `M_x`, over `H` features.
    pub candidate_norm_x: LayerNorm<T>,
    /// `M_h`, over `H` features.
    pub candidate_norm_h: LayerNorm<T>,
    /// The function of the gates, by default `σ`.
    #[module(skip)]
    pub gate_activation: Activation<T>,
    /// The function of the candidate, by default `tanh`.
    #[module(skip)]
    pub candidate_activation: Activation<T>,
}

impl<T: Scalar> LayerNormGru<T> {
    /// `W` starts from [`Init::Xavier`](crate::Init::Xavier) and `U` orthogonal, separately for each gate. The gains
    /// of the norms are one, and their biases zero.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        Self {
            w: input_weight(rng, 3, [input_size, hidden_size]),
            u: recurrent_weight(rng, 3, [hidden_size, hidden_size]),
            norm_x: LayerNorm::new(2 * hidden_size),
            norm_h: LayerNorm::new(2 * hidden_size),
            candidate_norm_x: LayerNorm::new(hidden_size),
            candidate_norm_h: LayerNorm::new(hidden_size),
            gate_activation: Activation::Sigmoid,
            candidate_activation: Activation::Tanh,
        }
    }

    activation_options! {
        gate_activation: "of the gates, by default `σ`";
        candidate_activation: "of the candidate, by default `tanh`";
    }

    epsilon_option!(|cell| [
        &mut cell.norm_x,
        &mut cell.norm_h,
        &mut cell.candidate_norm_x,
        &mut cell.candidate_norm_h,
    ]);

    init_options! {
        input_init: "`W`, separately for each gate", |cell| [(&mut cell.w, 3)];
        recurrent_init: "`U`, separately for each gate", |cell| [(&mut cell.u, 3)];
        bias_init: "the biases of `N_x` and `M_x`", |cell| {
            [&mut cell.norm_x, &mut cell.candidate_norm_x].map(|norm| (&mut norm.bias, 1))
        };
    }

    bias_options!(|cell, gate| match gate {
        Gate::Candidate => part(Some(&mut cell.candidate_norm_x.bias), &[gate], gate),
        _ => part(Some(&mut cell.norm_x.bias), &[Gate::Reset, Gate::Update], gate),
    });
}

step_without_noise!(LayerNormGru, Var<'t, T>);

impl<T: Scalar> NoisyCell<T> for LayerNormGru<T> {
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        h: Var<'t, T>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Var<'t, T>) {
        let hidden_size = self.u.shape()[0];
        let parts = |net: Var<'t, T>| {
            [0..2 * hidden_size, 2 * hidden_size..3 * hidden_size].map(|part| net.slice(-1, part))
        };
        let [x_gates, x_n] = parts(x.matmul(&self.w));
        let [h_gates, h_n] = parts(noise.read(0, h).matmul(&self.u));
        let gates = self.norm_x.forward(x_gates) + self.norm_h.forward(h_gates);
        let [r, z] = self.gate_activation.apply(gates).split();
        let recurrent = r * self.candidate_norm_h.forward(h_n);
        let n = self.candidate_activation.apply(self.candidate_norm_x.forward(x_n) + recurrent);
        let n = noise.written(0, n);
        let h = (1.0 - z) * n + z * h;
        (h, h)
    }
}

impl<T> StateSizes for LayerNormGru<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.u.shape()[0]]
    }
}
