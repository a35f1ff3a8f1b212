//! The minGRU: a gated unit whose gate reads only the input.

use bptt_autodiff::{Param, Var};
use bptt_tensor::Scalar;
use rand::Rng;

use super::options::{activation_options, biases_of_gates};
use super::parameters::{input_weight, zeros};
use crate::activation::Activation;
use crate::core::cell::StateSizes;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};
use crate::core::options::init_options;
use crate::feedforward::linear::biased;
use crate::sequence::linear_recurrence::LinearCell;

/// The minGRU (Feng et al. 2024):
///
/// ```text
/// z = σ(x W_ih_z + b_z)
/// n = x W_ih_n + b_n
/// h = (1 − z) ⊙ h₋ + z ⊙ n
/// ```
///
/// `x: [B, I]`, `W_ih: [I, 2H]` with the columns of `z`, `n` concatenated, `b: [2H]`. The state and the output
/// are `h: [B, H]`. `2(I·H + H)` parameters.
///
/// Gates read only the input, so the recurrence is linear in the state. A [`scan`](crate::scan) keeps one
/// multiplication and one addition in the loop. [`parallel`](LinearCell::parallel) needs no loop.
#[derive(Clone, Debug, Module)]
pub struct MinGru<T> {
    /// `W_ih: [I, 2H]`
    pub w_ih: Param<T>,
    /// `b: [2H]`, if there are biases.
    pub b: Option<Param<T>>,
    /// The function of the gates, by default `σ`.
    #[module(skip)]
    pub gate_activation: Activation<T>,
    /// The function of the candidate, by default the identity.
    #[module(skip)]
    pub candidate_activation: Activation<T>,
}

impl<T: Scalar> MinGru<T> {
    /// Creates the cell. `W_ih` starts from [`Init::Xavier`](crate::Init::Xavier), separately for gate and
    /// candidate. The biases are zero.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        Self {
            w_ih: input_weight(rng, 2, [input_size, hidden_size]),
            b: Some(zeros([2 * hidden_size])),
            gate_activation: Activation::Sigmoid,
            candidate_activation: Activation::Identity,
        }
    }

    activation_options! {
        gate_activation: "of the gate, by default `σ`";
        candidate_activation: "of the candidate, by default the identity";
    }

    init_options! {
        input_init: "`W_ih`, separately for each gate", |cell| [(&mut cell.w_ih, 2)];
    }

    biases_of_gates!(Update, Candidate);
}

impl<T: Scalar> LinearCell<T> for MinGru<T> {
    /// Returns `1 − z` and `z ⊙ n`, for one step or for all steps.
    fn coefficients<'t>(&self, x: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let [z, candidate] = biased(x.matmul(&self.w_ih), self.b.as_ref()).split(-1);
        let z = self.gate_activation.apply(z).probe("z");
        (1.0 - z, z * self.candidate_activation.apply(candidate).probe("n"))
    }
}

step_without_noise!(MinGru, Var<'t, T>);

impl<T: Scalar> NoisyCell<T> for MinGru<T> {
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        h: Var<'t, T>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Var<'t, T>) {
        let (keep, new) = self.coefficients(x);
        let h = (keep * h + noise.written(0, new)).probe("h");
        (h, h)
    }
}

impl<T> StateSizes for MinGru<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_ih.shape()[1] / 2]
    }
}
