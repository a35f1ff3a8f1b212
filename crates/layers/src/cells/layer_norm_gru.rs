//! The gated recurrent unit whose net inputs are normalized.

use bptt_autodiff::{Param, Var};
use bptt_tensor::Scalar;
use rand::Rng;

use super::options::{Gate, bias_options, gate_activations, gate_inits, part};
use super::parameters::{input_weight, recurrent_weight};
use crate::activation::Activation;
use crate::core::cell::StateSizes;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};
use crate::core::options::{epsilon_option, init_options};
use crate::feedforward::layer_norm::LayerNorm;

/// The layer-normalized GRU (Ba, Kiros and Hinton 2016, supplementary material):
///
/// ```text
/// r, z = σ(N_ih_rz(x W_ih_{r,z}) + N_hh_rz(h₋ W_hh_{r,z}))
/// n = tanh(N_ih_n(x W_ih_n) + r ⊙ N_hh_n(h₋ W_hh_n))
/// h = (1 − z) ⊙ n + z ⊙ h₋
/// ```
///
/// Each `N` is a [`LayerNorm`] with gains and biases of its own. `x: [B, I]`,
/// `W_ih: [I, 3H]`, `W_hh: [H, 3H]`, with the columns of `r`, `z`, `n` concatenated. The state and the output are
/// `h: [B, H]`. `3(I·H + H·H) + 12H` parameters.
///
/// The update gate `z` multiplies the old state, as in [`Gru`](crate::Gru) and in Cho et al. 2014; the paper writes
/// `1 − z` for it. Only the norms have biases: [`gate_bias`](Self::gate_bias) sets those of `N_ih_rz` and `N_ih_n`.
#[derive(Clone, Debug, Module)]
pub struct LayerNormGru<T> {
    /// `W_ih: [I, 3H]`
    pub w_ih: Param<T>,
    /// `W_hh: [H, 3H]`
    pub w_hh: Param<T>,
    /// `N_ih_rz`, over `2H` features.
    pub norm_ih_rz: LayerNorm<T>,
    /// `N_hh_rz`, over `2H` features.
    pub norm_hh_rz: LayerNorm<T>,
    /// `N_ih_n`, over `H` features.
    pub norm_ih_n: LayerNorm<T>,
    /// `N_hh_n`, over `H` features.
    pub norm_hh_n: LayerNorm<T>,
    /// The function of the gates, by default `σ`.
    #[module(skip)]
    pub gate_activation: Activation<T>,
    /// The function of the candidate, by default `tanh`.
    #[module(skip)]
    pub candidate_activation: Activation<T>,
}

impl<T: Scalar> LayerNormGru<T> {
    /// Creates the cell. `W_ih` starts from [`Init::Xavier`](crate::Init::Xavier) and `W_hh` orthogonal, separately for
    /// each gate. The gains of the norms are one, and their biases zero.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        Self {
            w_ih: input_weight(rng, 3, [input_size, hidden_size]),
            w_hh: recurrent_weight(rng, 3, [hidden_size, hidden_size]),
            norm_ih_rz: LayerNorm::new(2 * hidden_size),
            norm_hh_rz: LayerNorm::new(2 * hidden_size),
            norm_ih_n: LayerNorm::new(hidden_size),
            norm_hh_n: LayerNorm::new(hidden_size),
            gate_activation: Activation::Sigmoid,
            candidate_activation: Activation::Tanh,
        }
    }

    gate_activations!();

    epsilon_option!(|cell| [
        &mut cell.norm_ih_rz,
        &mut cell.norm_hh_rz,
        &mut cell.norm_ih_n,
        &mut cell.norm_hh_n,
    ]);

    gate_inits!(3);

    init_options! {
        bias_init: "the biases of `N_ih_rz` and `N_ih_n`", |cell| {
            [&mut cell.norm_ih_rz, &mut cell.norm_ih_n].map(|norm| (&mut norm.bias, 1))
        };
    }

    bias_options!(|cell, gate| match gate {
        Gate::Candidate => part(Some(&mut cell.norm_ih_n.bias), &[gate], gate),
        _ => part(Some(&mut cell.norm_ih_rz.bias), &[Gate::Reset, Gate::Update], gate),
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
        let hidden_size = self.w_hh.shape()[0];
        let parts = |net: Var<'t, T>| {
            [0..2 * hidden_size, 2 * hidden_size..3 * hidden_size].map(|part| net.slice(-1, part))
        };
        let [x_gates, x_n] = parts(x.matmul(&self.w_ih));
        let [h_gates, h_n] = parts(noise.read(0, h).matmul(&self.w_hh));
        let gates = self.norm_ih_rz.forward(x_gates) + self.norm_hh_rz.forward(h_gates);
        let [r, z] = self.gate_activation.apply(gates).split(-1);
        let (r, z) = (r.probe("r"), z.probe("z"));
        let recurrent = r * self.norm_hh_n.forward(h_n);
        let n = self.candidate_activation.apply(self.norm_ih_n.forward(x_n) + recurrent).probe("n");
        let n = noise.written(0, n);
        let h = ((1.0 - z) * n + z * h).probe("h");
        (h, h)
    }
}

impl<T> StateSizes for LayerNormGru<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_hh.shape()[0]]
    }
}
