//! Long expressive memory.

use bptt_autodiff::{Param, Var};
use bptt_tensor::Scalar;
use rand::Rng;

use super::options::{constant_options, gate_activations};
use super::parameters::{input_weight, recurrent_weight, zeros};
use crate::activation::Activation;
use crate::core::cell::StateSizes;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};
use crate::core::options::init_options;

/// Long expressive memory or `LEM` (Rusch, Mishra, Erichson and Mahoney 2022):
///
/// ```text
/// s_c, s_h = Δt σ(x W_ih_{s_c,s_h} + h₋ W_hh_{s_c,s_h} + b_{s_c,s_h})
/// g = tanh(x W_ih_g + h₋ W_hh_g + b_g)
/// c = (1 − s_c) ⊙ c₋ + s_c ⊙ g
/// n = tanh(x W_ih_n + c W_ch + b_n)
/// h = (1 − s_h) ⊙ h₋ + s_h ⊙ n
/// ```
///
/// `x: [B, I]`, `W_ih: [I, 4H]` and `b: [4H]` with the columns of `s_c`, `s_h`, `g`, `n` concatenated, `W_hh: [H, 3H]`
/// with those of `s_c`, `s_h`, `g`, `W_ch: [H, H]`; `Δt` is a number. The state is `(h, c)`, each `[B, H]`; the output is
/// `h`. `4(I·H + H·H + H)` parameters.
///
/// The gates `s_c` and `s_h` are time steps of two differential equations, learned for each unit and input. The paper
/// writes `Δt_n` and `Δ̄t_n` for them, `z` for `c` and `y` for `h`.
#[doc(alias = "LEM")]
#[derive(Clone, Debug, Module)]
pub struct Lem<T> {
    /// `W_ih: [I, 4H]`
    pub w_ih: Param<T>,
    /// `W_hh: [H, 3H]`
    pub w_hh: Param<T>,
    /// `W_ch: [H, H]`
    pub w_ch: Param<T>,
    /// `b: [4H]`
    pub b: Param<T>,
    /// `Δt`, by default 1.
    #[module(skip)]
    pub time_step: f64,
    /// The function of the gates, by default `σ`.
    #[module(skip)]
    pub gate_activation: Activation<T>,
    /// The function of the candidates, by default `tanh`.
    #[module(skip)]
    pub candidate_activation: Activation<T>,
}

impl<T: Scalar> Lem<T> {
    /// Creates a cell with `Δt = 1`. `W_ih` starts from [`Init::Xavier`](crate::Init::Xavier), `W_hh` and `W_ch`
    /// orthogonal, separately for each gate and candidate. The biases are zero.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        Self {
            w_ih: input_weight(rng, 4, [input_size, hidden_size]),
            w_hh: recurrent_weight(rng, 3, [hidden_size, hidden_size]),
            w_ch: recurrent_weight(rng, 1, [hidden_size, hidden_size]),
            b: zeros([4 * hidden_size]),
            time_step: 1.0,
            gate_activation: Activation::Sigmoid,
            candidate_activation: Activation::Tanh,
        }
    }

    constant_options! {
        time_step: "`Δt`, the longest time step, by default 1";
    }

    gate_activations!();

    init_options! {
        input_init: "`W_ih`, separately for each part", |cell| [(&mut cell.w_ih, 4)];
        recurrent_init: "`W_hh` and `W_ch`, separately for each part", |cell| {
            [(&mut cell.w_hh, 3), (&mut cell.w_ch, 1)]
        };
        bias_init: "`b`", |cell| [(&mut cell.b, 1)];
    }
}

step_without_noise!(Lem, (Var<'t, T>, Var<'t, T>));

impl<T: Scalar> NoisyCell<T> for Lem<T> {
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        (h, c): Self::State<'t>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let [x_sc, x_sh, x_g, x_n] = (x.matmul(&self.w_ih) + &self.b).split(-1);
        let [h_sc, h_sh, h_g] = noise.read(0, h).matmul(&self.w_hh).split(-1);
        let step = |net, name| (self.gate_activation.apply(net) * self.time_step).probe(name);
        let candidate = |net, name| self.candidate_activation.apply(net).probe(name);
        let (s_c, s_h) = (step(x_sc + h_sc, "s_c"), step(x_sh + h_sh, "s_h"));
        let g = noise.written(1, candidate(x_g + h_g, "g"));
        let c = ((1.0 - s_c) * c + s_c * g).probe("c");
        let n = candidate(x_n + noise.read(1, c).matmul(&self.w_ch), "n");
        let h = ((1.0 - s_h) * h + s_h * noise.written(0, n)).probe("h");
        (h, (h, c))
    }
}

impl<T> StateSizes for Lem<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_ch.shape()[0]; 2]
    }
}
