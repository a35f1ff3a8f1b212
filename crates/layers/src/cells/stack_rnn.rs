//! The recurrent network with stacks.

use bptt_autodiff::{Param, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use super::options::activation_options;
use super::parameters::{input_weight, recurrent_weight};
use crate::activation::Activation;
use crate::core::cell::{Cell, StateSizes};
use crate::core::module::Module;
use crate::core::options::init_options;

/// The stack-augmented network (Joulin and Mikolov 2015), of `E` stacks of depth `D`:
///
/// ```text
/// h = σ(x W_ih + h₋ W_hh + s₋[0..k] W_sh)
/// [push, pop, keep] = softmax(h W_ha), for each stack
/// s[0] = push σ(h W_hs) + pop s₋[1] + keep s₋[0]
/// s[j] = push s₋[j − 1] + pop s₋[j + 1] + keep s₋[j]
/// ```
///
/// `x: [B, I]`, `W_ih: [I, H]`, `W_hh: [H, H]`, `W_sh: [E·k, H]`, `W_ha: [H, 3E]`, `W_hs: [H, E]`; there are no biases.
/// `s[j]: [B, E]` is the number at depth `j` of each stack. Below the last one there are zeros, and a push drops the last.
/// The state is `(h, s)`, `[B, H]` and `[B, E·D]`, of which a step makes `[B, E, D]`; the output is `h`.
/// `H(I + H + E·k + 4E)` parameters.
///
/// The softmax blends pushing, popping and keeping, so that gradients flow through the choice. The network can count,
/// and learn sequences such as `aⁿbⁿ` beyond the lengths that it was trained on.
#[doc(alias = "differentiable stack")]
#[derive(Clone, Debug, Module)]
pub struct StackRnn<T> {
    /// `W_ih: [I, H]`
    pub w_ih: Param<T>,
    /// `W_hh: [H, H]`
    pub w_hh: Param<T>,
    /// `W_sh: [E·k, H]`
    pub w_sh: Param<T>,
    /// `W_ha: [H, 3E]`, with the columns of a stack concatenated: push, pop, keep.
    pub w_ha: Param<T>,
    /// `W_hs: [H, E]`
    pub w_hs: Param<T>,
    #[module(skip)]
    depth: usize,
    /// The activation, by default `σ`.
    #[module(skip)]
    pub activation: Activation<T>,
}

impl<T: Scalar> StackRnn<T> {
    /// Creates a cell whose hidden units read the upper `top` numbers of each stack. Weights start from
    /// [`Init::Xavier`](crate::Init::Xavier), `W_hh` orthogonal.
    ///
    /// # Panics
    ///
    /// Unless `0 < top ≤ depth`.
    #[track_caller]
    #[must_use]
    pub fn new(
        rng: &mut impl Rng,
        input_size: usize,
        hidden_size: usize,
        [stacks, depth]: [usize; 2],
        top: usize,
    ) -> Self {
        assert!(
            0 < top && top <= depth,
            "of a stack, at least one number is read, and at most its depth of {depth}: not {top}"
        );
        Self {
            w_ih: input_weight(rng, 1, [input_size, hidden_size]),
            w_hh: recurrent_weight(rng, 1, [hidden_size, hidden_size]),
            w_sh: input_weight(rng, 1, [stacks * top, hidden_size]),
            w_ha: input_weight(rng, 1, [hidden_size, 3 * stacks]),
            w_hs: input_weight(rng, 1, [hidden_size, stacks]),
            depth,
            activation: Activation::Sigmoid,
        }
    }

    activation_options! {
        activation: "of the hidden units, by default `σ`";
    }

    init_options! {
        input_init: "`W_ih`", |cell| [(&mut cell.w_ih, 1)];
        recurrent_init: "`W_hh` and `W_sh`", |cell| [(&mut cell.w_hh, 1), (&mut cell.w_sh, 1)];
        stack_init: "`W_ha` and `W_hs`", |cell| [(&mut cell.w_ha, 1), (&mut cell.w_hs, 1)];
    }
}

impl<T: Scalar> Cell<T> for StackRnn<T> {
    type State<'t> = (Var<'t, T>, Var<'t, T>);

    fn step<'t>(&self, x: Var<'t, T>, (h, s): Self::State<'t>) -> (Var<'t, T>, Self::State<'t>) {
        let (batch, stacks, depth) = (x.shape()[0], self.w_hs.shape()[1], self.depth);
        let top = self.w_sh.shape()[0] / stacks;
        let s = s.reshape([batch, stacks, depth]);
        let seen = s.slice(2, 0..top).reshape([batch, stacks * top]);
        let net = x.matmul(&self.w_ih) + h.matmul(&self.w_hh) + seen.matmul(&self.w_sh);
        let h = self.activation.apply(net).probe("h");

        let actions = h.matmul(&self.w_ha).reshape([batch, stacks, 3]).softmax(-1).probe("actions");
        let [push, pop, keep] = actions.split(2);
        let value = h.matmul(&self.w_hs).sigmoid().reshape([batch, stacks, 1]);
        let bottom = x.tape().constant(Tensor::zeros([batch, stacks, 1]));
        let pushed = Var::concat(&[value, s.slice(2, 0..depth - 1)], 2);
        let popped = Var::concat(&[s.slice(2, 1..depth), bottom], 2);
        let s = (push * pushed + pop * popped + keep * s).probe("s");
        (h, (h, s.reshape([batch, stacks * depth])))
    }
}

impl<T> StateSizes for StackRnn<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_hh.shape()[0], self.w_hs.shape()[1] * self.depth]
    }
}
