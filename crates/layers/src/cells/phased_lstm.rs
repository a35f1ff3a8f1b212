//! Long short-term memory whose units are open in phases of their own.

use bptt_autodiff::{Param, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use super::options::{
    biases_of_gates, constant_options, forget_bias, gate_activations, gate_inits,
};
use super::parameters::{input_weight, recurrent_weight, zeros};
use super::peephole::Peepholes;
use crate::activation::Activation;
use crate::core::cell::StateSizes;
use crate::core::init::Init;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};
use crate::core::options::init_options;
use crate::feedforward::linear::biased;

/// The phased LSTM (Neil, Pfeiffer and Liu 2016):
///
/// ```text
/// φ = ((t − s) mod τ) / τ
/// k = 2 φ/r          if φ < r/2
/// k = 2 − 2 φ/r      if r/2 ≤ φ < r
/// k = α φ            otherwise
/// i, f = σ(x W_ih_{i,f} + h₋ W_hh_{i,f} + p_{i,f} ⊙ c₋ + b_{i,f})
/// g = tanh(x W_ih_g + h₋ W_hh_g + b_g)
/// c̃ = f ⊙ c₋ + i ⊙ g
/// o = σ(x W_ih_o + h₋ W_hh_o + p_o ⊙ c̃ + b_o)
/// c = k ⊙ c̃ + (1 − k) ⊙ c₋
/// h = k ⊙ (o ⊙ tanh(c̃)) + (1 − k) ⊙ h₋
/// ```
///
/// The input is `[x, t]: [B, I + 1]`: features, and behind them the time of the step. `W_ih: [I, 4H]`, `W_hh: [H, 4H]`,
/// `b: [4H]`, with the columns of `i`, `f`, `g`, `o` concatenated; the peepholes `p`, the periods `τ`, the phases `s` and
/// the open shares `r` are `[H]`, the leak `α` is a number. The state is `(h, c)`, each `[B, H]`; the output is `h`.
/// `4(I·H + H·H + H) + 6H` parameters.
///
/// A unit is open for the share `r` of its period, and changes only then, apart from the leak. Steps may be any times
/// apart. With `k = 1`, it is the [`PeepholeLstm`](crate::PeepholeLstm). The output gate reads the proposed state `c̃`.
#[derive(Clone, Debug, Module)]
pub struct PhasedLstm<T> {
    /// `W_ih: [I, 4H]`
    pub w_ih: Param<T>,
    /// `W_hh: [H, 4H]`
    pub w_hh: Param<T>,
    /// `p_i`, `p_f`, `p_o`
    pub peepholes: Peepholes<T>,
    /// `b: [4H]`, if there are biases.
    pub b: Option<Param<T>>,
    /// `τ: [H]`
    pub period: Param<T>,
    /// `s: [H]`
    pub phase: Param<T>,
    /// `r: [H]`
    pub open_share: Param<T>,
    /// `α`, for training; the paper evaluates without a leak.
    #[module(skip)]
    pub leak: f64,
    /// The function of the gates, by default `σ`.
    #[module(skip)]
    pub gate_activation: Activation<T>,
    /// The function of the candidate, by default `tanh`.
    #[module(skip)]
    pub candidate_activation: Activation<T>,
    /// The function of the cell state in the output `h`, by default `tanh`.
    #[module(skip)]
    pub state_activation: Activation<T>,
}

impl<T: Scalar> PhasedLstm<T> {
    /// Creates a cell that reads `input_size` features and the time.
    ///
    /// Periods are between 1 and 1000; see [`periods`](Self::periods). The open share is 0.05, the leak 0.001. `W_ih`
    /// starts from [`Init::Xavier`] and `W_hh` orthogonal, separately for each gate. Peepholes and biases are zero,
    /// except for the bias of the forget gate, which is 1.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        Self {
            w_ih: input_weight(rng, 4, [input_size, hidden_size]),
            w_hh: recurrent_weight(rng, 4, [hidden_size, hidden_size]),
            peepholes: Peepholes::new(hidden_size),
            b: Some(zeros([4 * hidden_size])),
            period: zeros([hidden_size]),
            phase: zeros([hidden_size]),
            open_share: Param::new(Tensor::full([hidden_size], T::of(0.05))),
            leak: 0.001,
            gate_activation: Activation::Sigmoid,
            candidate_activation: Activation::Tanh,
            state_activation: Activation::Tanh,
        }
        .forget_bias(1.0)
        .periods(rng, 1.0, 1000.0)
    }

    /// Draws periods between these bounds, whose logarithms are uniform, and phases that are uniform in the period.
    ///
    /// # Panics
    ///
    /// Unless `0 < low < high`.
    #[track_caller]
    #[must_use]
    pub fn periods(mut self, rng: &mut impl Rng, low: f64, high: f64) -> Self {
        assert!(0.0 < low && low < high, "periods are 0 < low < high, not {low} and {high}");
        let size = self.period.shape();
        let logarithms = Init::Uniform { low: low.ln(), high: high.ln() };
        let periods: Tensor<f64> = logarithms.tensor(rng, size).map(f64::exp);
        let shares: Tensor<f64> = Init::Uniform { low: 0.0, high: 1.0 }.tensor(rng, size);
        self.phase.set((&shares * &periods).cast());
        self.period.set(periods.cast());
        self
    }

    constant_options! {
        leak: "the leak `α`, by default 0.001";
    }

    gate_activations!(state);

    gate_inits!(4);

    init_options! {
        peephole_init: "the peepholes `p`", |cell| cell.peepholes.vectors();
        open_share_init: "the open shares `r`", |cell| [(&mut cell.open_share, 1)];
    }

    biases_of_gates!(Input, Forget, Candidate, Output);

    forget_bias!();

    /// Returns `k: [B, H]` at the times `t: [B, 1]`.
    fn openness<'t>(&self, t: Var<'t, T>) -> Var<'t, T> {
        let open = t.tape().param(&self.open_share);
        let cycles = (t - &self.phase) / &self.period;
        let phi = cycles - cycles.floor();
        let rise = phi * 2.0 / open;
        let closed = phi * self.leak;
        let falling_or_closed = phi.lt(open).select(2.0 - rise, closed);
        phi.lt(open * 0.5).select(rise, falling_or_closed).probe("k")
    }
}

step_without_noise!(PhasedLstm, (Var<'t, T>, Var<'t, T>));

impl<T: Scalar> NoisyCell<T> for PhasedLstm<T> {
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        (h, c): Self::State<'t>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let features = self.w_ih.shape()[0];
        let (x, t) = (x.slice(-1, 0..features), x.slice(-1, features..features + 1));
        let k = self.openness(t);
        let z = biased(x.matmul(&self.w_ih) + noise.read(0, h).matmul(&self.w_hh), self.b.as_ref());
        let [i, f, candidate, o] = z.split(-1);
        let seen = noise.read(1, c);
        let gate = |net, name| self.gate_activation.apply(net).probe(name);
        let i = gate(i + seen * &self.peepholes.p_i, "i");
        let f = gate(f + seen * &self.peepholes.p_f, "f");
        let g = self.candidate_activation.apply(candidate).probe("g");
        let proposed = f * c + i * noise.written(1, g);
        let o = gate(o + noise.read(1, proposed) * &self.peepholes.p_o, "o");
        let c = (k * proposed + (1.0 - k) * c).probe("c");
        let h = (k * (o * self.state_activation.apply(proposed)) + (1.0 - k) * h).probe("h");
        (h, (h, c))
    }
}

impl<T> StateSizes for PhasedLstm<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_hh.shape()[0]; 2]
    }
}
