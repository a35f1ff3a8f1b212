//! The minLSTM: long short-term memory whose gates read only the input.

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

/// The minLSTM (Feng et al. 2024):
///
/// ```text
/// f, i = σ(x W_ih_{f,i} + b_{f,i})
/// n = x W_ih_n + b_n
/// f' = f/(f + i)
/// i' = i/(f + i)
/// h = f' ⊙ h₋ + i' ⊙ n
/// ```
///
/// `x: [B, I]`, `W_ih: [I, 3H]` with the columns of `f`, `i`, `n` concatenated, `b: [3H]`. The state and the
/// output are `h: [B, H]`. `3(I·H + H)` parameters.
///
/// Gates read only the input, so the recurrence is linear in the state. A [`scan`](crate::scan) keeps one
/// multiplication and one addition in the loop. [`parallel`](LinearCell::parallel) needs no loop.
#[derive(Clone, Debug, Module)]
pub struct MinLstm<T> {
    /// `W_ih: [I, 3H]`
    pub w_ih: Param<T>,
    /// `b: [3H]`, if there are biases.
    pub b: Option<Param<T>>,
    /// The function of the gates, by default `σ`; it must be positive.
    #[module(skip)]
    pub gate_activation: Activation<T>,
    /// The function of the candidate, by default the identity.
    #[module(skip)]
    pub candidate_activation: Activation<T>,
}

impl<T: Scalar> MinLstm<T> {
    /// Creates the cell. `W_ih` starts from [`Init::Xavier`](crate::Init::Xavier), separately for gates and
    /// candidate. The biases are zero.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        Self {
            w_ih: input_weight(rng, 3, [input_size, hidden_size]),
            b: Some(zeros([3 * hidden_size])),
            gate_activation: Activation::Sigmoid,
            candidate_activation: Activation::Identity,
        }
    }

    activation_options! {
        gate_activation: "of the gates, by default `σ`. It must be positive, since `f/(f + i)` is undefined where both are 0";
        candidate_activation: "of the candidate, by default the identity";
    }

    init_options! {
        input_init: "`W_ih`, separately for each gate", |cell| [(&mut cell.w_ih, 3)];
    }

    biases_of_gates!(Forget, Input, Candidate);

    /// Returns `f'` and `i'`.
    ///
    /// With net inputs `a_f` and `a_i`, `f/(f + i) = σ(ln f − ln i)` and `ln σ(a) = −softplus(−a)`. In this form, two
    /// closed gates do not divide 0 by 0.
    fn shares<'t>(&self, f: Var<'t, T>, i: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        if let Activation::Sigmoid = self.gate_activation {
            let balance = (-i).softplus() - (-f).softplus();
            return (balance.sigmoid(), (-balance).sigmoid());
        }
        let [f, i] = [f, i].map(|net| self.gate_activation.apply(net));
        let both = f + i;
        (f / both, i / both)
    }
}

impl<T: Scalar> LinearCell<T> for MinLstm<T> {
    /// Returns `f'` and `i' ⊙ n`, for one step or for all steps.
    fn coefficients<'t>(&self, x: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let [f, i, candidate] = biased(x.matmul(&self.w_ih), self.b.as_ref()).split(-1);
        let candidate = self.candidate_activation.apply(candidate).probe("n");
        let (keep, take) = self.shares(f, i);
        (keep.probe("f'"), take.probe("i'") * candidate)
    }
}

step_without_noise!(MinLstm, Var<'t, T>);

impl<T: Scalar> NoisyCell<T> for MinLstm<T> {
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

impl<T> StateSizes for MinLstm<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_ih.shape()[1] / 3]
    }
}
