//! Long short-term memory with a projection to a narrow output.

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

/// The LSTM with projection (Sak, Senior and Beaufays 2014), PyTorch's `proj_size`:
///
/// ```text
/// i, f, o = σ(x W_ih_{i,f,o} + h₋ W_hh_{i,f,o} + b_{i,f,o})
/// g = tanh(x W_ih_g + h₋ W_hh_g + b_g)
/// c = f ⊙ c₋ + i ⊙ g
/// h = (o ⊙ tanh(c)) W_hr
/// ```
///
/// `x: [B, I]`, `W_ih: [I, 4H]`, `W_hh: [P, 4H]`, `b: [4H]`, with the columns of `i`, `f`, `g`, `o` concatenated, and
/// `W_hr: [H, P]`, where `P` is the projected size. The state is `(h, c)`, `h: [B, P]` and `c: [B, H]`; the output is
/// `h`. `4(I·H + P·H + H) + H·P` parameters.
#[derive(Clone, Debug, Module)]
pub struct ProjectedLstm<T> {
    /// `W_ih: [I, 4H]`
    pub w_ih: Param<T>,
    /// `W_hh: [P, 4H]`
    pub w_hh: Param<T>,
    /// `b: [4H]`, if there are biases.
    pub b: Option<Param<T>>,
    /// `W_hr: [H, P]`
    pub w_hr: Param<T>,
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

impl<T: Scalar> ProjectedLstm<T> {
    /// Creates the cell. `W_ih` and `W_hr` start from [`Init::Xavier`](crate::Init::Xavier) and `W_hh` orthogonal,
    /// separately for each gate. The biases are zero, except for 1 in the forget gate.
    #[must_use]
    pub fn new(
        rng: &mut impl Rng,
        input_size: usize,
        hidden_size: usize,
        projected_size: usize,
    ) -> Self {
        Self {
            w_ih: input_weight(rng, 4, [input_size, hidden_size]),
            w_hh: recurrent_weight(rng, 4, [projected_size, hidden_size]),
            b: Some(zeros([4 * hidden_size])),
            w_hr: input_weight(rng, 1, [hidden_size, projected_size]),
            gate_activation: Activation::Sigmoid,
            candidate_activation: Activation::Tanh,
            state_activation: Activation::Tanh,
        }
        .forget_bias(1.0)
    }

    gate_activations!(state);

    gate_inits!(4);

    init_options! {
        projection_init: "`W_hr`", |cell| [(&mut cell.w_hr, 1)];
    }

    biases_of_gates!(Input, Forget, Candidate, Output);

    forget_bias!();
}

step_without_noise!(ProjectedLstm, (Var<'t, T>, Var<'t, T>));

impl<T: Scalar> NoisyCell<T> for ProjectedLstm<T> {
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        (h, c): Self::State<'t>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let h = noise.read(0, h);
        let z = biased(x.matmul(&self.w_ih) + h.matmul(&self.w_hh), self.b.as_ref());
        let [i, f, candidate, o] = z.split(-1);
        let gate = |net, name| self.gate_activation.apply(net).probe(name);
        let g = |net| self.candidate_activation.apply(net).probe("g");
        let c = gate(f, "f") * c + gate(i, "i") * noise.written(1, g(candidate));
        let c = c.probe("c");
        let h = (gate(o, "o") * self.state_activation.apply(c)).matmul(&self.w_hr).probe("h");
        (h, (h, c))
    }
}

impl<T> StateSizes for ProjectedLstm<T> {
    fn state_sizes(&self) -> Vec<usize> {
        let [hidden_size, projected_size] = self.w_hr.shape()[..] else {
            unreachable!("a weight has two axes")
        };
        vec![projected_size, hidden_size]
    }
}
