//! The coupled oscillatory recurrent network.

use bptt_autodiff::{Param, Var};
use bptt_tensor::Scalar;
use rand::Rng;

use super::options::{activation_options, constant_options};
use super::parameters::{input_weight, recurrent_weight, zeros};
use crate::activation::Activation;
use crate::core::cell::StateSizes;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};
use crate::core::options::init_options;

/// The coupled oscillatory network or `coRNN` (Rusch and Mishra 2021):
///
/// ```text
/// v = v₋ + Δt (tanh(x W_ih + h₋ W_hh + v₋ W_vh + b) − γ h₋ − ε v₋)
/// h = h₋ + Δt v
/// ```
///
/// `x: [B, I]`, `W_ih: [I, H]`, `W_hh`, `W_vh: [H, H]`, `b: [H]`; the time step `Δt`, the frequency `γ` and the
/// damping `ε` are numbers. The state is `(h, v)`, position and velocity, each `[B, H]`; the output is `h`.
/// `I·H + 2H·H + H` parameters.
///
/// A unit is an oscillator, `h'' = tanh(…) − γ h − ε h'`, that the others and the input drive. The damping term is
/// explicit, `v₋`, as in the authors' program; the paper also has an implicit one, `v`. The paper writes `y` for `h`,
/// `z` for `v`, `W` and `𝒲` for `W_hh` and `W_vh`.
#[derive(Clone, Debug, Module)]
pub struct CoRnn<T> {
    /// `W_ih: [I, H]`
    pub w_ih: Param<T>,
    /// `W_hh: [H, H]`
    pub w_hh: Param<T>,
    /// `W_vh: [H, H]`
    pub w_vh: Param<T>,
    /// `b: [H]`
    pub b: Param<T>,
    /// `Δt`
    #[module(skip)]
    pub time_step: f64,
    /// `γ`
    #[module(skip)]
    pub frequency: f64,
    /// `ε`
    #[module(skip)]
    pub damping: f64,
    /// The activation, by default `tanh`.
    #[module(skip)]
    pub activation: Activation<T>,
}

impl<T: Scalar> CoRnn<T> {
    /// Creates a cell with `Δt = 0.042`, `γ = 2.7` and `ε = 4.7`, which the paper chose for images that are read pixel
    /// by pixel. `W_ih` starts from [`Init::Xavier`](crate::Init::Xavier), `W_hh` and `W_vh` orthogonal, `b` zero.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        Self {
            w_ih: input_weight(rng, 1, [input_size, hidden_size]),
            w_hh: recurrent_weight(rng, 1, [hidden_size, hidden_size]),
            w_vh: recurrent_weight(rng, 1, [hidden_size, hidden_size]),
            b: zeros([hidden_size]),
            time_step: 0.042,
            frequency: 2.7,
            damping: 4.7,
            activation: Activation::Tanh,
        }
    }

    constant_options! {
        time_step: "the time step `Δt`";
        frequency: "`γ`, the square of the frequency at which a unit without damping and drive oscillates";
        damping: "the damping `ε`";
    }

    activation_options! {
        activation: "of the drive, by default `tanh`";
    }

    init_options! {
        input_init: "`W_ih`", |cell| [(&mut cell.w_ih, 1)];
        recurrent_init: "`W_hh` and `W_vh`", |cell| [(&mut cell.w_hh, 1), (&mut cell.w_vh, 1)];
        bias_init: "`b`", |cell| [(&mut cell.b, 1)];
    }
}

step_without_noise!(CoRnn, (Var<'t, T>, Var<'t, T>));

impl<T: Scalar> NoisyCell<T> for CoRnn<T> {
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        (h, v): Self::State<'t>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let recurrent = noise.read(0, h).matmul(&self.w_hh) + noise.read(1, v).matmul(&self.w_vh);
        let net = x.matmul(&self.w_ih) + recurrent + &self.b;
        let drive = noise.written(1, self.activation.apply(net));
        let force = drive - h * self.frequency - v * self.damping;
        let v = (v + force * self.time_step).probe("v");
        let h = (h + v * self.time_step).probe("h");
        (h, (h, v))
    }
}

impl<T> StateSizes for CoRnn<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_hh.shape()[0]; 2]
    }
}
