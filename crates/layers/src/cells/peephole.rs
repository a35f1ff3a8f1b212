//! Long short-term memory with peepholes: gates that read the cell state.

use bptt_autodiff::{Param, Var};
use bptt_tensor::Scalar;
use rand::Rng;

use super::options::{biases_of_gates, forget_bias, gate_activations, gate_inits};
use super::parameters::{input_weight, recurrent_weight, zeros};
use crate::activation::Activation;
use crate::core::cell::StateSizes;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};
use crate::core::options::init_options;
use crate::feedforward::linear::biased;

/// The LSTM with peepholes (Gers and Schmidhuber 2001; Gers, Schraudolph and Schmidhuber 2002):
///
/// ```text
/// i, f = σ(x W_ih_{i,f} + h₋ W_hh_{i,f} + p_{i,f} ⊙ c₋ + b_{i,f})
/// g = tanh(x W_ih_g + h₋ W_hh_g + b_g)
/// c = f ⊙ c₋ + i ⊙ g
/// o = σ(x W_ih_o + h₋ W_hh_o + p_o ⊙ c + b_o)
/// h = o ⊙ tanh(c)
/// ```
///
/// `x: [B, I]`, `W_ih: [I, 4H]`, `W_hh: [H, 4H]`, `b: [4H]`, with the columns of `i`, `f`, `g`, `o` concatenated; the peepholes `p_{i,f,o}: [H]` are diagonal weights. The state is `(h, c)`, each `[B, H]`; the
/// output is `h`. `4(I·H + H·H + H) + 3H` parameters.
#[derive(Clone, Debug, Module)]
pub struct PeepholeLstm<T> {
    /// `W_ih: [I, 4H]`
    pub w_ih: Param<T>,
    /// `W_hh: [H, 4H]`
    pub w_hh: Param<T>,
    /// `p_i`, `p_f`, `p_o`
    pub peepholes: Peepholes<T>,
    /// `b: [4H]`, if there are biases.
    pub b: Option<Param<T>>,
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

/// Peepholes: diagonal weights from the cell state to the gates.
#[derive(Clone, Debug, Module)]
pub struct Peepholes<T> {
    /// `p_i: [H]`, to the input gate.
    pub p_i: Param<T>,
    /// `p_f: [H]`, to the forget gate.
    pub p_f: Param<T>,
    /// `p_o: [H]`, to the output gate.
    pub p_o: Param<T>,
}

impl<T: Scalar> Peepholes<T> {
    /// Creates peepholes of zero.
    pub(super) fn new(hidden_size: usize) -> Self {
        Self { p_i: zeros([hidden_size]), p_f: zeros([hidden_size]), p_o: zeros([hidden_size]) }
    }

    /// Returns each vector, with the number of its gates, 1.
    pub(super) fn vectors(&mut self) -> [(&mut Param<T>, usize); 3] {
        [&mut self.p_i, &mut self.p_f, &mut self.p_o].map(|vector| (vector, 1))
    }
}

impl<T: Scalar> PeepholeLstm<T> {
    /// Creates the cell. `W_ih` starts from [`Init::Xavier`](crate::Init::Xavier) and `W_hh` orthogonal, separately for
    /// each gate. Peepholes and biases are zero, except for the bias of the forget gate, which is 1.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        Self {
            w_ih: input_weight(rng, 4, [input_size, hidden_size]),
            w_hh: recurrent_weight(rng, 4, [hidden_size, hidden_size]),
            peepholes: Peepholes::new(hidden_size),
            b: Some(zeros([4 * hidden_size])),
            gate_activation: Activation::Sigmoid,
            candidate_activation: Activation::Tanh,
            state_activation: Activation::Tanh,
        }
        .forget_bias(1.0)
    }

    gate_activations!(state);

    gate_inits!(4);

    init_options! {
        peephole_init: "the peepholes `p`", |cell| cell.peepholes.vectors();
    }

    biases_of_gates!(Input, Forget, Candidate, Output);

    forget_bias!();
}

step_without_noise!(PeepholeLstm, (Var<'t, T>, Var<'t, T>));

impl<T: Scalar> NoisyCell<T> for PeepholeLstm<T> {
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        (h, c): Self::State<'t>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let z = biased(x.matmul(&self.w_ih) + noise.read(0, h).matmul(&self.w_hh), self.b.as_ref());
        let [i, f, candidate, o] = z.split(-1);
        let seen = noise.read(1, c);
        let gate = |net, name| self.gate_activation.apply(net).probe(name);
        let i = gate(i + seen * &self.peepholes.p_i, "i");
        let f = gate(f + seen * &self.peepholes.p_f, "f");
        let g = |net| self.candidate_activation.apply(net).probe("g");
        let c = (f * c + i * noise.written(1, g(candidate))).probe("c");
        let o = gate(o + noise.read(1, c) * &self.peepholes.p_o, "o");
        let h = (o * self.state_activation.apply(c)).probe("h");
        (h, (h, c))
    }
}

impl<T> StateSizes for PeepholeLstm<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_hh.shape()[0]; 2]
    }
}
