//! Long short-term memory without a forget gate.

use bptt_autodiff::{Param, Var};
use bptt_tensor::Scalar;
use rand::Rng;

use super::options::{biases_of_gates, gate_activations, gate_inits};
use super::parameters::{input_weight, recurrent_weight, zeros};
use crate::activation::Activation;
use crate::core::cell::StateSizes;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};
use crate::feedforward::linear::biased;

/// The LSTM of 1997 in the reduced form of later texts (Hochreiter and Schmidhuber 1997):
///
/// ```text
/// g = tanh(x W_ih_g + h₋ W_hh_g + b_g)
/// i, o = σ(x W_ih_{i,o} + h₋ W_hh_{i,o} + b_{i,o})
/// c = c₋ + i ⊙ g
/// h = o ⊙ tanh(c)
/// ```
///
/// `x: [B, I]`, `W_ih: [I, 3H]`, `W_hh: [H, 3H]`, `b: [3H]`, with the columns of `g`, `i`, `o` concatenated.
/// The state is `(h, c)`, each `[B, H]`; the output is `h`. `3(I·H + H·H + H)` parameters.
///
/// The cell state `c` feeds back to itself with the fixed weight 1, the *constant error carousel*. Its cotangent flows
/// back through time unchanged. On an endless stream `c` grows until `tanh(c)` saturates, since nothing is forgotten.
/// The forget gate of [`Lstm`](crate::Lstm) prevents this. An `Lstm` whose forget gate is 1 equals this cell.
/// [`MemoryBlocks`](crate::MemoryBlocks) is the network as published.
#[derive(Clone, Debug, Module)]
pub struct Lstm1997<T> {
    /// `W_ih: [I, 3H]`
    pub w_ih: Param<T>,
    /// `W_hh: [H, 3H]`
    pub w_hh: Param<T>,
    /// `b: [3H]`, if there are biases.
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

impl<T: Scalar> Lstm1997<T> {
    /// Creates the cell. `W_ih` starts from [`Init::Xavier`](crate::Init::Xavier) and `W_hh` orthogonal, separately
    /// for each gate. The biases are zero.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        Self {
            w_ih: input_weight(rng, 3, [input_size, hidden_size]),
            w_hh: recurrent_weight(rng, 3, [hidden_size, hidden_size]),
            b: Some(zeros([3 * hidden_size])),
            gate_activation: Activation::Sigmoid,
            candidate_activation: Activation::Tanh,
            state_activation: Activation::Tanh,
        }
    }

    gate_activations!(state);

    gate_inits!(3);

    biases_of_gates!(Candidate, Input, Output);
}

step_without_noise!(Lstm1997, (Var<'t, T>, Var<'t, T>));

impl<T: Scalar> NoisyCell<T> for Lstm1997<T> {
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        (h, c): Self::State<'t>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let h = noise.read(0, h);
        let [candidate, i, o] =
            biased(x.matmul(&self.w_ih) + h.matmul(&self.w_hh), self.b.as_ref()).split(-1);
        let gate = |net, name| self.gate_activation.apply(net).probe(name);
        let g = self.candidate_activation.apply(candidate).probe("g");
        let c = (c + noise.written(1, g) * gate(i, "i")).probe("c");
        let h = (self.state_activation.apply(c) * gate(o, "o")).probe("h");
        (h, (h, c))
    }
}

impl<T> StateSizes for Lstm1997<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_hh.shape()[0]; 2]
    }
}
