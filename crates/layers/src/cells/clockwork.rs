//! The clockwork network: modules that step at periods of their own.

use bptt_autodiff::{Param, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use super::fully_recurrent::connected;
use super::options::activation_options;
use super::parameters::{input_weight, recurrent_weight, zeros};
use crate::activation::Activation;
use crate::core::cell::StateSizes;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};
use crate::core::options::init_options;

/// The clockwork network or `CW-RNN` (Koutník, Greff, Gomez and Schmidhuber 2014):
///
/// ```text
/// h = tanh(x W_ih + h₋ (W_hh ⊙ M) + b)    units of a module whose period divides t
/// h = h₋                                  all others
/// t ← t + 1
/// ```
///
/// `x: [B, I]`, `W_ih: [I, H]`, `W_hh: [H, H]`, `b: [H]`. The mask `M` has the connections to a module from itself and
/// from modules of longer periods. The state is `(h, t)`, `[B, H]` and `[B, 1]`; the output is `h`. The count `t` of
/// steps starts at 0, where all modules step. `I·H + H·H + H` parameters.
///
/// Slow modules keep what they saw for many steps, and fast ones read it. All units are computed at each step; those
/// whose turn it is are selected.
#[doc(alias = "CW-RNN")]
#[derive(Clone, Debug, Module)]
pub struct Clockwork<T> {
    /// `W_ih: [I, H]`
    pub w_ih: Param<T>,
    /// `W_hh: [H, H]`
    pub w_hh: Param<T>,
    /// `b: [H]`
    pub b: Param<T>,
    /// The period of each unit, `[H]`.
    #[module(skip)]
    periods: Tensor<T>,
    /// `M: [H, H]`
    #[module(skip)]
    connections: Tensor<T>,
    /// The activation, by default `tanh`.
    #[module(skip)]
    pub activation: Activation<T>,
}

impl<T: Scalar> Clockwork<T> {
    /// Creates a cell with a module for each period, all of the same number of units. The paper has periods of 1, 2, 4,
    /// 8 and so on. `W_ih` starts from [`Init::Xavier`](crate::Init::Xavier), `W_hh` orthogonal before it is masked, `b`
    /// zero.
    ///
    /// # Panics
    ///
    /// If a period is 0, or if the hidden size is not a multiple of the number of modules.
    #[track_caller]
    #[must_use]
    pub fn new(
        rng: &mut impl Rng,
        input_size: usize,
        hidden_size: usize,
        periods: &[usize],
    ) -> Self {
        assert!(
            !periods.is_empty() && hidden_size.is_multiple_of(periods.len()),
            "the hidden size is a multiple of the number of modules: {hidden_size} is not one of {}",
            periods.len()
        );
        assert!(!periods.contains(&0), "a period is at least one step");
        let period_of = |unit: usize| periods[unit * periods.len() / hidden_size];
        let is_connected = |from: usize, to: usize| period_of(from) >= period_of(to);
        Self {
            w_ih: input_weight(rng, 1, [input_size, hidden_size]),
            w_hh: recurrent_weight(rng, 1, [hidden_size, hidden_size]),
            b: zeros([hidden_size]),
            periods: Tensor::from_fn([hidden_size], |unit| T::of(period_of(unit) as f64)),
            connections: Tensor::from_fn([hidden_size, hidden_size], |i| {
                if is_connected(i / hidden_size, i % hidden_size) { T::one() } else { T::zero() }
            }),
            activation: Activation::Tanh,
        }
    }

    activation_options! {
        activation: "of the units, by default `tanh`";
    }

    init_options! {
        input_init: "`W_ih`", |cell| [(&mut cell.w_ih, 1)];
        recurrent_init: "`W_hh`", |cell| [(&mut cell.w_hh, 1)];
        bias_init: "`b`", |cell| [(&mut cell.b, 1)];
    }
}

step_without_noise!(Clockwork, (Var<'t, T>, Var<'t, T>));

impl<T: Scalar> NoisyCell<T> for Clockwork<T> {
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        (h, t): Self::State<'t>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let recurrent = connected(noise.read(0, h), &self.w_hh, Some(&self.connections));
        let new = self.activation.apply(x.matmul(&self.w_ih) + recurrent + &self.b);
        let is_due = t.round().rem(&self.periods).equal(0.0);
        let h = is_due.select(noise.written(0, new), h).probe("h");
        (h, (h, t + 1.0))
    }
}

impl<T> StateSizes for Clockwork<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.b.shape()[0], 1]
    }
}
