//! Long short-term memory whose recurrent weights depend on the input.

use bptt_autodiff::{Param, Var};
use bptt_tensor::Scalar;
use rand::Rng;

use super::options::{biases_of_gates, forget_bias, gate_activations};
use super::parameters::{input_weight, recurrent_weight, zeros};
use crate::activation::Activation;
use crate::core::cell::StateSizes;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};
use crate::core::options::init_options;
use crate::feedforward::linear::biased;

/// The multiplicative LSTM (Krause, Lu, Murray and Renals 2016):
///
/// ```text
/// m = (x W_im) ⊙ (h₋ W_hm)
/// i, f, o = σ(x W_ih_{i,f,o} + m W_mh_{i,f,o} + b_{i,f,o})
/// g = tanh(x W_ih_g + m W_mh_g + b_g)
/// c = f ⊙ c₋ + i ⊙ g
/// h = o ⊙ tanh(c)
/// ```
///
/// `x: [B, I]`, `W_im: [I, H]`, `W_hm: [H, H]`, `W_ih: [I, 4H]`, `W_mh: [H, 4H]`, `b: [4H]`, with the columns of `i`,
/// `f`, `g`, `o` concatenated. The state is `(h, c)`, each `[B, H]`; the output is `h`. `5(I·H + H·H) + 4H` parameters.
///
/// An [`Lstm`](crate::Lstm) that reads `m` in place of `h₋`. Its recurrent weights `W_hm diag(x W_im) W_mh` are others
/// for each input.
#[doc(alias = "mLSTM")]
#[derive(Clone, Debug, Module)]
pub struct MultiplicativeLstm<T> {
    /// `W_im: [I, H]`
    pub w_im: Param<T>,
    /// `W_hm: [H, H]`
    pub w_hm: Param<T>,
    /// `W_ih: [I, 4H]`
    pub w_ih: Param<T>,
    /// `W_mh: [H, 4H]`
    pub w_mh: Param<T>,
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

impl<T: Scalar> MultiplicativeLstm<T> {
    /// Creates the cell. `W_im` and `W_ih` start from [`Init::Xavier`](crate::Init::Xavier), `W_hm` and `W_mh` orthogonal,
    /// separately for each gate. The biases are zero, except for 1 in the forget gate.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        Self {
            w_im: input_weight(rng, 1, [input_size, hidden_size]),
            w_hm: recurrent_weight(rng, 1, [hidden_size, hidden_size]),
            w_ih: input_weight(rng, 4, [input_size, hidden_size]),
            w_mh: recurrent_weight(rng, 4, [hidden_size, hidden_size]),
            b: Some(zeros([4 * hidden_size])),
            gate_activation: Activation::Sigmoid,
            candidate_activation: Activation::Tanh,
            state_activation: Activation::Tanh,
        }
        .forget_bias(1.0)
    }

    gate_activations!(state);

    init_options! {
        input_init: "`W_im` and `W_ih`, separately for each gate", |cell| {
            [(&mut cell.w_im, 1), (&mut cell.w_ih, 4)]
        };
        recurrent_init: "`W_hm` and `W_mh`, separately for each gate", |cell| {
            [(&mut cell.w_hm, 1), (&mut cell.w_mh, 4)]
        };
    }

    biases_of_gates!(Input, Forget, Candidate, Output);

    forget_bias!();
}

step_without_noise!(MultiplicativeLstm, (Var<'t, T>, Var<'t, T>));

impl<T: Scalar> NoisyCell<T> for MultiplicativeLstm<T> {
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        (h, c): Self::State<'t>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let m = (x.matmul(&self.w_im) * noise.read(0, h).matmul(&self.w_hm)).probe("m");
        let z = biased(x.matmul(&self.w_ih) + m.matmul(&self.w_mh), self.b.as_ref());
        let [i, f, candidate, o] = z.split(-1);
        let gate = |net, name| self.gate_activation.apply(net).probe(name);
        let g = |net| self.candidate_activation.apply(net).probe("g");
        let c = gate(f, "f") * c + gate(i, "i") * noise.written(1, g(candidate));
        let c = c.probe("c");
        let h = (gate(o, "o") * self.state_activation.apply(c)).probe("h");
        (h, (h, c))
    }
}

impl<T> StateSizes for MultiplicativeLstm<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_hm.shape()[0]; 2]
    }
}
