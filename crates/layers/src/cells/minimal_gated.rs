//! The recurrent unit with a single gate.

use bptt_autodiff::{Param, Var};
use bptt_tensor::Scalar;
use rand::Rng;

use super::options::{activation_options, biases_of_gates};
use super::parameters::{input_weight, recurrent_weight, zeros};
use crate::activation::Activation;
use crate::core::cell::StateSizes;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};
use crate::core::options::init_options;
use crate::feedforward::linear::biased;

/// The minimal gated unit (Zhou et al. 2016):
///
/// ```text
/// f = σ(x W_ih_f + h₋ W_hh_f + b_f)
/// n = tanh(x W_ih_n + (f ⊙ h₋) W_hh_n + b_n)
/// h = (1 − f) ⊙ h₋ + f ⊙ n
/// ```
///
/// `x: [B, I]`, `W_ih: [I, 2H]` with the columns of `f`, `n` concatenated, `W_hh_f`, `W_hh_n: [H, H]`, `b: [2H]`.
/// The state and the output are `h: [B, H]`. `2(I·H + H·H + H)` parameters.
#[doc(alias = "MGU")]
#[derive(Clone, Debug, Module)]
pub struct MinimalGatedUnit<T> {
    /// `W_ih: [I, 2H]`
    pub w_ih: Param<T>,
    /// `W_hh_f: [H, H]`
    pub w_hh_f: Param<T>,
    /// `W_hh_n: [H, H]`
    pub w_hh_n: Param<T>,
    /// `b: [2H]`, if there are biases.
    pub b: Option<Param<T>>,
    /// The function of the gates, by default `σ`.
    #[module(skip)]
    pub gate_activation: Activation<T>,
    /// The function of the candidate, by default `tanh`.
    #[module(skip)]
    pub candidate_activation: Activation<T>,
}

impl<T: Scalar> MinimalGatedUnit<T> {
    /// Creates the cell. `W_ih` starts from [`Init::Xavier`](crate::Init::Xavier), separately for gate and
    /// candidate. `W_hh` starts orthogonal, and the biases at zero.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        Self {
            w_ih: input_weight(rng, 2, [input_size, hidden_size]),
            w_hh_f: recurrent_weight(rng, 1, [hidden_size, hidden_size]),
            w_hh_n: recurrent_weight(rng, 1, [hidden_size, hidden_size]),
            b: Some(zeros([2 * hidden_size])),
            gate_activation: Activation::Sigmoid,
            candidate_activation: Activation::Tanh,
        }
    }

    activation_options! {
        gate_activation: "of the gate, by default `σ`";
        candidate_activation: "of the candidate, by default `tanh`";
    }

    init_options! {
        input_init: "`W_ih`, separately for each gate", |cell| [(&mut cell.w_ih, 2)];
        recurrent_init: "`W_hh`, separately for each part", |cell| {
            [(&mut cell.w_hh_f, 1), (&mut cell.w_hh_n, 1)]
        };
    }

    biases_of_gates!(Forget, Candidate);
}

step_without_noise!(MinimalGatedUnit, Var<'t, T>);

impl<T: Scalar> NoisyCell<T> for MinimalGatedUnit<T> {
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        h: Var<'t, T>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Var<'t, T>) {
        let [x_f, x_n] = biased(x.matmul(&self.w_ih), self.b.as_ref()).split(-1);
        let read = noise.read(0, h);
        let f = self.gate_activation.apply(x_f + read.matmul(&self.w_hh_f)).probe("f");
        let net = x_n + (f * read).matmul(&self.w_hh_n);
        let n = self.candidate_activation.apply(net).probe("n");
        let n = noise.written(0, n);
        let h = ((1.0 - f) * h + f * n).probe("h");
        (h, h)
    }
}

impl<T> StateSizes for MinimalGatedUnit<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_hh_f.shape()[0]]
    }
}
