//! The output-to-hidden network, whose only recurrence is from the output.

use bptt_autodiff::{Param, Var};
use bptt_tensor::Scalar;
use rand::Rng;

use super::options::activation_options;
use super::parameters::{input_weight, zeros};
use crate::activation::Activation;
use crate::core::cell::StateSizes;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};
use crate::core::options::init_options;

/// The output-to-hidden RNN (Goodfellow, Bengio and Courville 2016, §10.2.1):
///
/// ```text
/// h = tanh(x W_ih + o₋ W_oh + b)
/// o = h W_ho + b_ho
/// ```
///
/// `x: [B, I]`, `W_ih: [I, H]`, `W_oh: [O, H]`, `b: [H]`, `W_ho: [H, O]`, `b_ho: [O]`, `o: [B, O]`. The state is
/// the output `o`. `I·H + O·H + H + H·O + O` parameters.
///
/// As a [`Cell`](crate::Cell) it runs freely: each step reads the output of the step before. In training,
/// [`teacher_forced`](Self::teacher_forced) feeds back the targets instead. No step then depends on another, so all
/// steps are computed at once. The book writes `U`, `W`, `V` and `c` for `W_ih`, `W_oh`, `W_ho` and `b_ho`.
#[derive(Clone, Debug, Module)]
pub struct OutputToHidden<T> {
    /// `W_ih: [I, H]`
    pub w_ih: Param<T>,
    /// `W_oh: [O, H]`
    pub w_oh: Param<T>,
    /// `b: [H]`
    pub b: Param<T>,
    /// `W_ho: [H, O]`
    pub w_ho: Param<T>,
    /// `b_ho: [O]`
    pub b_ho: Param<T>,
    /// The activation, by default `tanh`.
    #[module(skip)]
    pub activation: Activation<T>,
}

impl<T: Scalar> OutputToHidden<T> {
    /// Creates the cell, with weights from [`Init::Xavier`](crate::Init::Xavier) and biases of zero.
    #[must_use]
    pub fn new(
        rng: &mut impl Rng,
        input_size: usize,
        hidden_size: usize,
        output_size: usize,
    ) -> Self {
        Self {
            w_ih: input_weight(rng, 1, [input_size, hidden_size]),
            w_oh: input_weight(rng, 1, [output_size, hidden_size]),
            b: zeros([hidden_size]),
            w_ho: input_weight(rng, 1, [hidden_size, output_size]),
            b_ho: zeros([output_size]),
            activation: Activation::Tanh,
        }
    }

    activation_options! {
        activation: "of the hidden units, by default `tanh`";
    }

    init_options! {
        input_init: "`W_ih`", |cell| [(&mut cell.w_ih, 1)];
        recurrent_init: "`W_oh`", |cell| [(&mut cell.w_oh, 1)];
        bias_init: "`b`", |cell| [(&mut cell.b, 1)];
    }

    /// Returns the outputs `[T, B, O]` for inputs `[T, B, I]` under teacher forcing: each step reads the target of
    /// the step before in place of its output.
    ///
    /// `targets: [T, B, O]` are the targets of each step. The first step reads `first: [B, O]`, and no step reads the
    /// last target. No gradient flows from a step to earlier ones, since targets are given. The gradient therefore
    /// differs from that of the free run.
    ///
    /// # Panics
    ///
    /// If the shapes do not agree.
    #[track_caller]
    #[must_use]
    pub fn teacher_forced<'t>(
        &self,
        xs: Var<'t, T>,
        targets: Var<'t, T>,
        first: Var<'t, T>,
    ) -> Var<'t, T> {
        let shape = targets.shape();
        assert!(
            shape.len() == 3 && xs.shape().len() == 3 && shape[..2] == xs.shape()[..2],
            "teacher_forced: inputs [T, B, I] need targets [T, B, O], not {} and {shape}",
            xs.shape()
        );
        let Some(before_last) = shape[0].checked_sub(1) else { return targets };
        let first = Var::stack(&[first], 0);
        let read = Var::concat(&[first, targets.slice(0, 0..before_last)], 0);
        self.outputs(xs, read)
    }

    /// Returns the outputs `o` from `x` and the values read in place of `o₋`, for one step or for all steps.
    #[track_caller]
    fn outputs<'t>(&self, x: Var<'t, T>, read: Var<'t, T>) -> Var<'t, T> {
        let h = self
            .activation
            .apply(x.matmul(&self.w_ih) + read.matmul(&self.w_oh) + &self.b)
            .probe("h");
        (h.matmul(&self.w_ho) + &self.b_ho).probe("o")
    }
}

step_without_noise!(OutputToHidden, Var<'t, T>);

impl<T: Scalar> NoisyCell<T> for OutputToHidden<T> {
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        o: Var<'t, T>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Var<'t, T>) {
        let read = noise.read(0, o);
        let o = self.outputs(x, read);
        (o, o)
    }
}

impl<T> StateSizes for OutputToHidden<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_oh.shape()[0]]
    }
}
