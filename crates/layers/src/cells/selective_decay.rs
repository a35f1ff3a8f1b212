//! A time step and a decay of each head, both chosen by the input.

use bptt_autodiff::{Param, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use super::parameters::input_weight;
use crate::core::init::Init;
use crate::core::init::is_blank;
use crate::core::module::Module;

/// A time step and a decay of each of `E` heads, from an input (Gu and Dao 2023; Dao and Gu 2024):
///
/// ```text
/// Δ = softplus(x W + b)
/// α = exp(−exp(a) ⊙ Δ)
/// ```
///
/// `x: [B, I]`, `W: [I, E]`, `b`, `a: [E]`; `Δ`, `α: [B, E]`. A longer step lets more of the state decay. `I·E + 2E`
/// parameters.
#[derive(Clone, Debug, Module)]
pub struct SelectiveDecay<T> {
    /// `W: [I, E]`
    pub w: Param<T>,
    /// `b: [E]`
    pub b: Param<T>,
    /// `a: [E]`
    pub a: Param<T>,
}

impl<T: Scalar> SelectiveDecay<T> {
    /// Creates the map. `W` starts from [`Init::Xavier`]. `b` gives steps between 0.001 and 0.1 for an input of zero, whose
    /// logarithms are uniform. `exp(a)` is uniform between 1 and 16.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, heads: usize) -> Self {
        let rates: Tensor<f64> = Init::Uniform { low: 1.0, high: 16.0 }.tensor(rng, [heads]);
        Self {
            w: input_weight(rng, 1, [input_size, heads]),
            b: time_step_bias(rng, heads),
            a: Param::new(if is_blank() { rates.cast() } else { rates.map(f64::ln).cast() }),
        }
    }

    /// Returns `Δ` and `α`, each `[.., E]`, from `x: [.., I]`.
    ///
    /// # Panics
    ///
    /// If the last axis of `x` is not the input size.
    #[track_caller]
    #[must_use]
    pub fn forward<'t>(&self, x: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let (step, logarithm) = self.step_and_logarithm(x);
        (step, logarithm.exp())
    }

    /// Returns `Δ` and `ln α`, each `[.., E]`, from `x: [.., I]`.
    #[track_caller]
    pub(super) fn step_and_logarithm<'t>(&self, x: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let step = (x.matmul(&self.w) + &self.b).softplus();
        let rate = x.tape().param(&self.a).exp();
        (step, -(step * rate))
    }
}

/// Returns biases `b: [size]` with `softplus(b)` between 0.001 and 0.1. The logarithms are uniform.
pub(super) fn time_step_bias<T: Scalar>(rng: &mut impl Rng, size: usize) -> Param<T> {
    let init = Init::Uniform { low: 0.001_f64.ln(), high: 0.1_f64.ln() };
    let logarithms: Tensor<f64> = init.tensor(rng, [size]);
    Param::new(logarithms.map(|log| log.exp().exp_m1().ln()).cast())
}
