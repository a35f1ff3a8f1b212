//! Long short-term memory whose net inputs are normalized.

use bptt_autodiff::{Param, Var};
use bptt_tensor::Scalar;
use rand::Rng;

use super::options::{Gate, bias_options, forget_bias, gate_activations, gate_inits, part};
use super::parameters::{input_weight, recurrent_weight, zeros};
use super::peephole::Peepholes;
use crate::activation::Activation;
use crate::core::cell::StateSizes;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};
use crate::core::options::{epsilon_option, init_options};
use crate::feedforward::layer_norm::LayerNorm;

/// The layer-normalized LSTM (Ba, Kiros and Hinton 2016), optionally with peepholes:
///
/// ```text
/// i, f = σ(N_ih(x W_ih)_{i,f} + N_hh(h₋ W_hh)_{i,f} + p_{i,f} ⊙ c₋ + b_{i,f})
/// g = tanh(N_ih(x W_ih)_g + N_hh(h₋ W_hh)_g + b_g)
/// c = f ⊙ c₋ + i ⊙ g
/// o = σ(N_ih(x W_ih)_o + N_hh(h₋ W_hh)_o + p_o ⊙ c + b_o)
/// h = o ⊙ tanh(N_c(c))
/// ```
///
/// Each `N` is a [`LayerNorm`] of its own. `x: [B, I]`, `W_ih: [I, 4H]`, `W_hh: [H, 4H]`, `b: [4H]`, with the columns
/// of `i`, `f`, `g`, `o` concatenated. The peepholes `p: [H]` are absent by default, as if they were zero. The state is
/// `(h, c)`, each `[B, H]`; the output is `h`. `4(I·H + H·H + H) + 18H` parameters, and `3H` for peepholes.
#[derive(Clone, Debug, Module)]
pub struct LayerNormLstm<T> {
    /// `W_ih: [I, 4H]`
    pub w_ih: Param<T>,
    /// `W_hh: [H, 4H]`
    pub w_hh: Param<T>,
    /// `b: [4H]`
    pub b: Param<T>,
    /// `N_ih`, over `4H` features.
    pub norm_ih: LayerNorm<T>,
    /// `N_hh`, over `4H` features.
    pub norm_hh: LayerNorm<T>,
    /// `N_c`, over `H` features.
    pub norm_c: LayerNorm<T>,
    /// `p_i`, `p_f`, `p_o`, if there are peepholes.
    pub peepholes: Option<Peepholes<T>>,
    /// The function of the gates, by default `σ`.
    #[module(skip)]
    pub gate_activation: Activation<T>,
    /// The function of the candidate, by default `tanh`.
    #[module(skip)]
    pub candidate_activation: Activation<T>,
    /// The function of the cell state `c` in the output `h`, by default `tanh`.
    #[module(skip)]
    pub state_activation: Activation<T>,
}

impl<T: Scalar> LayerNormLstm<T> {
    /// Creates a cell without peepholes. `W_ih` starts from [`Init::Xavier`](crate::Init::Xavier) and `W_hh`
    /// orthogonal, separately for each gate. The bias `b` is zero, except for 1 in the forget gate.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        Self {
            w_ih: input_weight(rng, 4, [input_size, hidden_size]),
            w_hh: recurrent_weight(rng, 4, [hidden_size, hidden_size]),
            b: zeros([4 * hidden_size]),
            norm_ih: LayerNorm::new(4 * hidden_size),
            norm_hh: LayerNorm::new(4 * hidden_size),
            norm_c: LayerNorm::new(hidden_size),
            peepholes: None,
            gate_activation: Activation::Sigmoid,
            candidate_activation: Activation::Tanh,
            state_activation: Activation::Tanh,
        }
        .forget_bias(1.0)
    }

    /// Sets whether there are peepholes. By default there are none. New ones are zero.
    #[must_use]
    pub fn peepholes(mut self, peepholes: bool) -> Self {
        let before = self.peepholes.take();
        let new = || Peepholes::new(self.w_hh.shape()[0]);
        self.peepholes = peepholes.then(|| before.unwrap_or_else(new));
        self
    }

    gate_activations!(state);

    epsilon_option!(|cell| [&mut cell.norm_ih, &mut cell.norm_hh, &mut cell.norm_c]);

    gate_inits!(4);

    init_options! {
        peephole_init: "the peepholes `p`, if there are any", |cell| {
            cell.peepholes.iter_mut().flat_map(Peepholes::vectors)
        };
        bias_init: "the biases", |cell| [(&mut cell.b, 1)];
    }

    bias_options!(|cell, gate| {
        let gates = [Gate::Input, Gate::Forget, Gate::Candidate, Gate::Output];
        part(Some(&mut cell.b), &gates, gate)
    });

    forget_bias!();
}

step_without_noise!(LayerNormLstm, (Var<'t, T>, Var<'t, T>));

impl<T: Scalar> NoisyCell<T> for LayerNormLstm<T> {
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        (h, c): Self::State<'t>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let read = self.norm_ih.forward(x.matmul(&self.w_ih));
        let recurrent = self.norm_hh.forward(noise.read(0, h).matmul(&self.w_hh));
        let [mut i, mut f, candidate, mut o] = (read + recurrent + &self.b).split(-1);
        if let Some(peepholes) = &self.peepholes {
            let seen = noise.read(1, c);
            i = i + seen * &peepholes.p_i;
            f = f + seen * &peepholes.p_f;
        }
        let gate = |net, name| self.gate_activation.apply(net).probe(name);
        let g = |net| self.candidate_activation.apply(net).probe("g");
        let c = gate(f, "f") * c + gate(i, "i") * noise.written(1, g(candidate));
        let c = c.probe("c");
        if let Some(peepholes) = &self.peepholes {
            o = o + noise.read(1, c) * &peepholes.p_o;
        }
        let h = (gate(o, "o") * self.state_activation.apply(self.norm_c.forward(c))).probe("h");
        (h, (h, c))
    }
}

impl<T> StateSizes for LayerNormLstm<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_hh.shape()[0]; 2]
    }
}
