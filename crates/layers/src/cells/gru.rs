//! The gated recurrent unit.

use bptt_autodiff::{Param, Var};
use bptt_tensor::Scalar;
use rand::Rng;

use super::options::Gate;
use super::options::{activation_options, bias_options, part};
use super::parameters::{input_weight, recurrent_weight, zeros};
use crate::activation::Activation;
use crate::core::cell::StateSizes;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};
use crate::core::options::init_options;
use crate::feedforward::linear::biased;

/// Where a [`Gru`]'s reset gate acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// After the recurrent product, `r ⊙ (h₋ U_n + b_u)`, as PyTorch and cuDNN compute it.
    After,
    /// Before it, `(r ⊙ h₋) U_n`, as published.
    Before,
}

/// The gated recurrent unit (Cho et al. 2014):
///
/// ```text
/// r, z = σ(x W_{r,z} + h₋ U_{r,z} + b_{r,z})
/// n = tanh(x W_n + b_n + r ⊙ (h₋ U_n + b_u))     reset after the product
/// n = tanh(x W_n + b_n + (r ⊙ h₋) U_n)           reset before it
/// h = (1 − z) ⊙ n + z ⊙ h₋
/// ```
///
/// `x: [B, I]`, `W: [I, 3H]` with the columns of `r`, `z`, `n` side by side (PyTorch's order),
/// `U_{r,z}: [H, 2H]`, `U_n: [H, H]`, `b: [3H]`, `b_u: [H]`. The state and the output are `h: [B, H]`.
/// `3(I·H + H·H + H)` parameters, and `H` for `b_u`, which only the reset after the product has.
#[derive(Clone, Debug, Module)]
pub struct Gru<T> {
    /// `W: [I, 3H]`
    pub w: Param<T>,
    /// `U_{r,z}: [H, 2H]`
    pub u_gates: Param<T>,
    /// `U_n: [H, H]`
    pub u_candidate: Param<T>,
    /// `b: [3H]`, if there are biases.
    pub b: Option<Param<T>>,
    /// `b_u: [H]`, if there are biases and the reset comes after the product.
    pub b_candidate: Option<Param<T>>,
    #[module(skip)]
    pub(crate) reset: Reset,
    /// The function of the gates, by default `σ`.
    #[module(skip)]
    pub gate_activation: Activation<T>,
    /// The function of the candidate, by default `tanh`.
    #[module(skip)]
    pub candidate_activation: Activation<T>,
}

impl<T: Scalar> Gru<T> {
    /// `W` starts from [`Init::Xavier`](crate::Init::Xavier) and `U` orthogonal, each gate's part on its own; the biases
    /// are zero.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize, reset: Reset) -> Self {
        Self {
            w: input_weight(rng, 3, [input_size, hidden_size]),
            u_gates: recurrent_weight(rng, 2, [hidden_size, hidden_size]),
            u_candidate: recurrent_weight(rng, 1, [hidden_size, hidden_size]),
            b: Some(zeros([3 * hidden_size])),
            b_candidate: match reset {
                Reset::After => Some(zeros([hidden_size])),
                Reset::Before => None,
            },
            reset,
            gate_activation: Activation::Sigmoid,
            candidate_activation: Activation::Tanh,
        }
    }

    activation_options! {
        gate_activation: "of the gates, by default `σ`";
        candidate_activation: "of the candidate, by default `tanh`";
    }

    init_options! {
        input_init: "`W`, separately for each gate", |cell| [(&mut cell.w, 3)];
        recurrent_init: "`U`, separately for each gate", |cell| {
            [(&mut cell.u_gates, 2), (&mut cell.u_candidate, 1)]
        };
        bias_init: "the biases", |cell| {
            cell.b.iter_mut().chain(&mut cell.b_candidate).map(|b| (b, 1))
        };
    }

    bias_options!(|cell, gate| {
        part(cell.b.as_mut(), &[Gate::Reset, Gate::Update, Gate::Candidate], gate)
    });

    /// The same without biases.
    #[must_use]
    pub fn without_bias(mut self) -> Self {
        self.b = None;
        self.b_candidate = None;
        self
    }
}

step_without_noise!(Gru, Var<'t, T>);

impl<T: Scalar> NoisyCell<T> for Gru<T> {
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        h: Var<'t, T>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Var<'t, T>) {
        let [x_r, x_z, x_n] = biased(x.matmul(&self.w), self.b.as_ref()).split();
        let read = noise.read(0, h);
        let [h_r, h_z] = read.matmul(&self.u_gates).split();
        let r = self.gate_activation.apply(x_r + h_r);
        let z = self.gate_activation.apply(x_z + h_z);
        let recurrent = match self.reset {
            Reset::After => r * biased(read.matmul(&self.u_candidate), self.b_candidate.as_ref()),
            Reset::Before => (r * read).matmul(&self.u_candidate),
        };
        let n = noise.written(0, self.candidate_activation.apply(x_n + recurrent));
        let h = (1.0 - z) * n + z * h;
        (h, h)
    }
}

impl<T> StateSizes for Gru<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.u_candidate.shape()[0]]
    }
}
