//! The gated recurrent unit.

use bptt_autodiff::{Param, Var};
use bptt_tensor::Scalar;
use rand::Rng;

use super::options::{Gate, bias_options, gate_activations, part};
use super::parameters::{input_weight, recurrent_weight, zeros};
use crate::activation::Activation;
use crate::core::cell::StateSizes;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};
use crate::core::options::{init_options, set_bias};
use crate::feedforward::linear::biased;

/// The place of the reset gate in a [`Gru`]: after or before the recurrent product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reset {
    /// After the recurrent product, `r ⊙ (h₋ W_hh_n + b_hh_n)`, as PyTorch and cuDNN compute it.
    After,
    /// Before the recurrent product, `(r ⊙ h₋) W_hh_n`, as published.
    Before,
}

/// The gated recurrent unit (Cho et al. 2014):
///
/// ```text
/// r, z = σ(x W_ih_{r,z} + h₋ W_hh_{r,z} + b_{r,z})
/// n = tanh(x W_ih_n + b_n + r ⊙ (h₋ W_hh_n + b_hh_n))    reset after the product
/// n = tanh(x W_ih_n + b_n + (r ⊙ h₋) W_hh_n)             reset before it
/// h = (1 − z) ⊙ n + z ⊙ h₋
/// ```
///
/// `x: [B, I]`, `W_ih: [I, 3H]` with the columns of `r`, `z`, `n` concatenated in PyTorch's order,
/// `W_hh_{r,z}: [H, 2H]`, `W_hh_n: [H, H]`, `b: [3H]`, `b_hh_n: [H]`. The state and the output are `h: [B, H]`.
/// `3(I·H + H·H + H)` parameters, and `H` for `b_hh_n`, which exists only if the reset comes after the product.
#[derive(Clone, Debug, Module)]
pub struct Gru<T> {
    /// `W_ih: [I, 3H]`
    pub w_ih: Param<T>,
    /// `W_hh_{r,z}: [H, 2H]`
    pub w_hh_rz: Param<T>,
    /// `W_hh_n: [H, H]`
    pub w_hh_n: Param<T>,
    /// `b: [3H]`, if there are biases.
    pub b: Option<Param<T>>,
    /// `b_hh_n: [H]`, if there are biases and the reset comes after the product.
    pub b_hh_n: Option<Param<T>>,
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
    /// Creates the cell. `W_ih` starts from [`Init::Xavier`](crate::Init::Xavier) and `W_hh` orthogonal, separately
    /// for each gate. The biases are zero.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        Self {
            w_ih: input_weight(rng, 3, [input_size, hidden_size]),
            w_hh_rz: recurrent_weight(rng, 2, [hidden_size, hidden_size]),
            w_hh_n: recurrent_weight(rng, 1, [hidden_size, hidden_size]),
            b: Some(zeros([3 * hidden_size])),
            b_hh_n: Some(zeros([hidden_size])),
            reset: Reset::After,
            gate_activation: Activation::Sigmoid,
            candidate_activation: Activation::Tanh,
        }
    }

    gate_activations!();

    init_options! {
        input_init: "`W_ih`, separately for each gate", |cell| [(&mut cell.w_ih, 3)];
        recurrent_init: "`W_hh`, separately for each gate", |cell| {
            [(&mut cell.w_hh_rz, 2), (&mut cell.w_hh_n, 1)]
        };
        bias_init: "the biases", |cell| {
            cell.b.iter_mut().chain(&mut cell.b_hh_n).map(|b| (b, 1))
        };
    }

    bias_options!(|cell, gate| {
        part(cell.b.as_mut(), &[Gate::Reset, Gate::Update, Gate::Candidate], gate)
    });

    /// Sets whether there are biases. By default there are. New ones are zero.
    #[must_use]
    pub fn bias(mut self, bias: bool) -> Self {
        let hidden_size = self.w_hh_n.shape()[0];
        set_bias(&mut self.b, 3 * hidden_size, bias);
        set_bias(&mut self.b_hh_n, hidden_size, bias && self.reset == Reset::After);
        self
    }

    /// Sets where the reset gate acts. By default it acts after the recurrent product.
    #[must_use]
    pub fn reset(self, reset: Reset) -> Self {
        let has_bias = self.b.is_some();
        Self { reset, ..self }.bias(has_bias)
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
        let [x_r, x_z, x_n] = biased(x.matmul(&self.w_ih), self.b.as_ref()).split(-1);
        let read = noise.read(0, h);
        let [h_r, h_z] = read.matmul(&self.w_hh_rz).split(-1);
        let r = self.gate_activation.apply(x_r + h_r).probe("r");
        let z = self.gate_activation.apply(x_z + h_z).probe("z");
        let recurrent = match self.reset {
            Reset::After => r * biased(read.matmul(&self.w_hh_n), self.b_hh_n.as_ref()),
            Reset::Before => (r * read).matmul(&self.w_hh_n),
        };
        let n = self.candidate_activation.apply(x_n + recurrent).probe("n");
        let n = noise.written(0, n);
        let h = ((1.0 - z) * n + z * h).probe("h");
        (h, h)
    }
}

impl<T> StateSizes for Gru<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_hh_n.shape()[0]]
    }
}
