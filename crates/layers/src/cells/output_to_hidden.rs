//! The network whose only recurrence is from the output.

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
use crate::feedforward::linear::Linear;

/// The output-to-hidden RNN (Goodfellow, Bengio and Courville 2016, §10.2.1):
///
/// ```text
/// z_t = x_t U + o_{t−1} W + b
/// h_t = tanh(z_t)
/// o_t = h_t V + c
/// ```
///
/// `x: [B, I]`, `U: [I, H]`, `W: [O, H]`, `b: [H]`, `V: [H, O]`, `c: [O]`, `o: [B, O]`. The state is
/// the output `o`. `I·H + O·H + H + H·O + O` parameters.
///
/// As a [`Cell`](crate::Cell) it runs freely: each step reads the output that the one before computed. In
/// training the outputs are known, and [`teacher_forced`](Self::teacher_forced) feeds those back
/// instead. Then no step depends on another, and all of them are computed at once.
#[derive(Clone, Debug, Module)]
pub struct OutputToHidden<T> {
    /// `U: [I, H]`
    pub u: Param<T>,
    /// `W: [O, H]`
    pub w: Param<T>,
    /// `b: [H]`
    pub b: Param<T>,
    /// `V` and `c`.
    pub output: Linear<T>,
    /// The activation, by default `tanh`.
    #[module(skip)]
    pub activation: Activation<T>,
}

impl<T: Scalar> OutputToHidden<T> {
    /// Weights from [`Init::Xavier`](crate::Init::Xavier), biases of zero.
    #[must_use]
    pub fn new(
        rng: &mut impl Rng,
        input_size: usize,
        hidden_size: usize,
        output_size: usize,
    ) -> Self {
        Self {
            u: input_weight(rng, 1, [input_size, hidden_size]),
            w: input_weight(rng, 1, [output_size, hidden_size]),
            b: zeros([hidden_size]),
            output: Linear::new(rng, hidden_size, output_size),
            activation: Activation::Tanh,
        }
    }

    activation_options! {
        activation: "of the hidden units, by default `tanh`";
    }

    init_options! {
        input_init: "`U`", |cell| [(&mut cell.u, 1)];
        recurrent_init: "`W`", |cell| [(&mut cell.w, 1)];
        bias_init: "`b`", |cell| [(&mut cell.b, 1)];
    }

    /// The outputs `[T, B, O]` for inputs `[T, B, I]` when each step reads the *wanted* output of
    /// the step before, as teacher forcing does.
    ///
    /// `wanted: [T, B, O]` are the outputs wanted at each step and `first: [B, O]` what the first
    /// step reads; the last wanted output is read by nobody. No gradient flows from a step to the
    /// ones before, since what it reads was given: this gradient differs from that of the free run.
    ///
    /// # Panics
    ///
    /// If the shapes do not agree.
    #[track_caller]
    #[must_use]
    pub fn teacher_forced<'t>(
        &self,
        xs: Var<'t, T>,
        wanted: Var<'t, T>,
        first: Var<'t, T>,
    ) -> Var<'t, T> {
        let shape = wanted.shape();
        assert!(
            shape.len() == 3 && xs.shape().len() == 3 && shape[..2] == xs.shape()[..2],
            "teacher_forced: inputs [T, B, I] need wanted outputs [T, B, O], not {} and {shape}",
            xs.shape()
        );
        let Some(before_last) = shape[0].checked_sub(1) else { return wanted };
        let first = Var::stack(&[first]);
        let read = Var::concat(&[first, wanted.slice(0, 0..before_last)], 0);
        self.outputs(xs, read)
    }

    /// `o_t` from `x_t` and what is read in place of `o_{t−1}`; for one step or all of them.
    #[track_caller]
    fn outputs<'t>(&self, x: Var<'t, T>, read: Var<'t, T>) -> Var<'t, T> {
        let z = x.matmul(&self.u) + read.matmul(&self.w) + &self.b;
        self.output.forward(self.activation.apply(z))
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
        vec![self.w.shape()[0]]
    }
}
