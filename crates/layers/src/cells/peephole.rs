//! Long short-term memory whose gates see the cell.

use bptt_autodiff::{Param, Var};
use bptt_tensor::Scalar;
use rand::Rng;

use super::options::{activation_options, biases_of_gates, forget_bias};
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
/// i, f = σ(x W_{i,f} + h₋ U_{i,f} + p_{i,f} ⊙ c₋ + b_{i,f})
/// c̃ = tanh(x W_c + h₋ U_c + b_c)
/// c = f ⊙ c₋ + i ⊙ c̃
/// o = σ(x W_o + h₋ U_o + p_o ⊙ c + b_o)
/// h = o ⊙ tanh(c)
/// ```
///
/// `x: [B, I]`, `W: [I, 4H]`, `U: [H, 4H]`, `b: [4H]`, with the columns of `i`, `f`, `c̃`, `o` side by
/// side; the peepholes `p_{i,f,o}: [H]` are diagonal weights. The state is `(h, c)`, each `[B, H]`; the
/// output is `h`. `4(I·H + H·H + H) + 3H` parameters.
#[derive(Clone, Debug, Module)]
pub struct PeepholeLstm<T> {
    /// `W: [I, 4H]`
    pub w: Param<T>,
    /// `U: [H, 4H]`
    pub u: Param<T>,
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
    /// The function of the cell `c` in `h`, by default `tanh`.
    #[module(skip)]
    pub state_activation: Activation<T>,
}

/// Diagonal weights from a cell to its gates.
#[derive(Clone, Debug, Module)]
pub struct Peepholes<T> {
    /// `p_i: [H]`, to the input gate.
    pub i: Param<T>,
    /// `p_f: [H]`, to the forget gate.
    pub f: Param<T>,
    /// `p_o: [H]`, to the output gate.
    pub o: Param<T>,
}

impl<T: Scalar> Peepholes<T> {
    /// Weights of zero.
    pub(super) fn new(hidden_size: usize) -> Self {
        Self { i: zeros([hidden_size]), f: zeros([hidden_size]), o: zeros([hidden_size]) }
    }

    /// Each of them, of one gate.
    pub(super) fn vectors(&mut self) -> [(&mut Param<T>, usize); 3] {
        [&mut self.i, &mut self.f, &mut self.o].map(|vector| (vector, 1))
    }
}

impl<T: Scalar> PeepholeLstm<T> {
    /// `W` starts from [`Init::Xavier`](crate::Init::Xavier) and `U` orthogonal, each gate's part on its
    /// own; the peepholes and biases are zero, but the forget gate's bias 1.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        Self {
            w: input_weight(rng, 4, [input_size, hidden_size]),
            u: recurrent_weight(rng, 4, [hidden_size, hidden_size]),
            peepholes: Peepholes::new(hidden_size),
            b: Some(zeros([4 * hidden_size])),
            gate_activation: Activation::Sigmoid,
            candidate_activation: Activation::Tanh,
            state_activation: Activation::Tanh,
        }
        .forget_bias(1.0)
    }

    activation_options! {
        gate_activation: "of the gates, by default `σ`";
        candidate_activation: "of the candidate, by default `tanh`";
        state_activation: "of the cell `c` in `h`, by default `tanh`";
    }

    init_options! {
        input_init: "`W`, separately for each gate", |cell| [(&mut cell.w, 4)];
        recurrent_init: "`U`, separately for each gate", |cell| [(&mut cell.u, 4)];
        peephole_init: "the peepholes `p`", |cell| cell.peepholes.vectors();
        bias_init: "the biases", |cell| cell.b.iter_mut().map(|b| (b, 1));
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
        let z = biased(x.matmul(&self.w) + noise.read(0, h).matmul(&self.u), self.b.as_ref());
        let [i, f, candidate, o] = z.split();
        let seen = noise.read(1, c);
        let gate = &self.gate_activation;
        let i = gate.apply(i + seen * &self.peepholes.i);
        let f = gate.apply(f + seen * &self.peepholes.f);
        let c = f * c + i * noise.written(1, self.candidate_activation.apply(candidate));
        let o = gate.apply(o + noise.read(1, c) * &self.peepholes.o);
        let h = o * self.state_activation.apply(c);
        (h, (h, c))
    }
}

impl<T> StateSizes for PeepholeLstm<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.u.shape()[0]; 2]
    }
}
