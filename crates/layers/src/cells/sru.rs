//! The simple recurrent unit.

use bptt_autodiff::{Param, Var};
use bptt_tensor::Scalar;
use rand::Rng;

use super::options::{Gate, activation_options, bias_options, constant_options, part};
use super::parameters::{input_weight, zeros};
use crate::activation::Activation;
use crate::core::cell::StateSizes;
use crate::core::init::Init;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};
use crate::core::options::init_options;

/// The simple recurrent unit or `SRU` (Lei, Zhang, Wang, Dai and Artzi 2018):
///
/// ```text
/// f, r = σ(x W_ih_{f,r} + p_{f,r} ⊙ c₋ + b_{f,r})
/// c = f ⊙ c₋ + (1 − f) ⊙ (x W_ih_n)
/// h = r ⊙ c + (1 − r) ⊙ (α x)          if I = H
/// h = r ⊙ c + (1 − r) ⊙ (α x W_ir)     otherwise
/// ```
///
/// `x: [B, I]`, `W_ih: [I, 3H]` with the columns of `f`, `r`, `n` concatenated, `W_ir: [I, H]`, `p_f`, `p_r: [H]`,
/// `b: [2H]`; `α` is a number. The state is `c: [B, H]`; the output is `h: [B, H]`. `3I·H + 4H` parameters, and `I·H` for
/// `W_ir`.
///
/// A step has no matrix product with the state. The second term of `h` is a highway connection past the recurrence;
/// `r` balances the two. The projection `W_ir` is that of the authors' program, where a layer changes the width. The
/// paper writes `v` for `p`.
#[doc(alias = "SRU")]
#[derive(Clone, Debug, Module)]
pub struct Sru<T> {
    /// `W_ih: [I, 3H]`
    pub w_ih: Param<T>,
    /// `W_ir: [I, H]`, if `I` is not `H`.
    pub w_ir: Option<Param<T>>,
    /// `p_f: [H]`
    pub p_f: Param<T>,
    /// `p_r: [H]`
    pub p_r: Param<T>,
    /// `b: [2H]`
    pub b: Param<T>,
    /// `α`
    #[module(skip)]
    pub highway_scale: f64,
    /// The function of the gates, by default `σ`.
    #[module(skip)]
    pub gate_activation: Activation<T>,
}

impl<T: Scalar> Sru<T> {
    /// Creates a cell with `α = √3`. Weights are uniform between `±√(3/I)`, and `p` between `±√(3/H)`; the biases are
    /// zero.
    ///
    /// If the variance of `c` is that of `x`, so is that of `h` at first. With another initial bias `b_r`, it is for
    /// `α = √(1 + 2 exp(b_r))`.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        let uniform = |size: usize| {
            let bound = (3.0 / size.max(1) as f64).sqrt();
            Init::Uniform { low: -bound, high: bound }
        };
        let (weights, peepholes) = (uniform(input_size), uniform(hidden_size));
        let cell = Self {
            w_ih: input_weight(rng, 3, [input_size, hidden_size]),
            w_ir: (input_size != hidden_size)
                .then(|| input_weight(rng, 1, [input_size, hidden_size])),
            p_f: zeros([hidden_size]),
            p_r: zeros([hidden_size]),
            b: zeros([2 * hidden_size]),
            highway_scale: 3.0_f64.sqrt(),
            gate_activation: Activation::Sigmoid,
        };
        cell.input_init(rng, weights).peephole_init(rng, peepholes)
    }

    constant_options! {
        highway_scale: "`α`, the factor of the input in the output, by default `√3`";
    }

    activation_options! {
        gate_activation: "of the gates, by default `σ`";
    }

    init_options! {
        input_init: "`W_ih`, separately for each part, and `W_ir`", |cell| {
            [(&mut cell.w_ih, 3)].into_iter().chain(cell.w_ir.iter_mut().map(|w| (w, 1)))
        };
        peephole_init: "`p_f` and `p_r`", |cell| [(&mut cell.p_f, 1), (&mut cell.p_r, 1)];
        bias_init: "`b`", |cell| [(&mut cell.b, 1)];
    }

    bias_options!(|cell, gate| part(Some(&mut cell.b), &[Gate::Forget, Gate::Reset], gate));
}

step_without_noise!(Sru, Var<'t, T>);

impl<T: Scalar> NoisyCell<T> for Sru<T> {
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        c: Var<'t, T>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Var<'t, T>) {
        let tape = x.tape();
        let [x_f, x_r, n] = x.matmul(&self.w_ih).split(-1);
        let [b_f, b_r] = tape.param(&self.b).split(-1);
        let seen = noise.read(0, c);
        let gate = |net, name| self.gate_activation.apply(net).probe(name);
        let f = gate(x_f + seen * &self.p_f + b_f, "f");
        let r = gate(x_r + seen * &self.p_r + b_r, "r");
        let c = (f * c + (1.0 - f) * noise.written(0, n)).probe("c");
        let highway = match &self.w_ir {
            Some(w_ir) => x.matmul(w_ir),
            None => x,
        };
        let h = (r * c + (1.0 - r) * (highway * self.highway_scale)).probe("h");
        (h, c)
    }
}

impl<T> StateSizes for Sru<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.p_f.shape()[0]]
    }
}
