//! The linear recurrent unit.

use bptt_autodiff::{Param, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use super::parameters::zeros;
use crate::core::cell::StateSizes;
use crate::core::init::Init;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};
use crate::core::options::init_options;

/// The linear recurrent unit or `LRU` (Orvieto et al. 2023):
///
/// ```text
/// λ = exp(−exp(ν) + i exp(θ))
/// s = λ ⊙ s₋ + exp(γ) ⊙ (x W_ih)
/// y = Re(s W_ho) + d ⊙ x
/// ```
///
/// `x: [B, I]`; `s: [B, H]`, `W_ih: [I, H]` and `W_ho: [H, I]` are complex, `ν`, `θ`, `γ: [H]` and `d: [I]` real. The state
/// is `(Re s, Im s)`, each `[B, H]`; the output is `y: [B, I]`, as wide as the input. `4I·H + 3H + I` parameters. Real
/// and imaginary parts are concatenated: columns of `W_ih: [I, 2H]`, rows of `W_ho: [2H, I]`.
///
/// The state is linear in the inputs and in the state before. `|λ| < 1` whatever the parameters, so it is stable. Layers
/// without recurrence between two such cells make a network nonlinear. There is no chunkwise form: a step costs a few
/// products for each unit, and one with the powers of `λ` as a Toeplitz matrix costs as many as a chunk has steps. The paper writes `B`, `C`, `D` for `W_ih`,
/// `W_ho`, `d`, and `ν`, `θ`, `γ` with an index "log".
#[doc(alias = "LRU")]
#[derive(Clone, Debug, Module)]
pub struct Lru<T> {
    /// `ν: [H]`
    pub nu: Param<T>,
    /// `θ: [H]`
    pub theta: Param<T>,
    /// `γ: [H]`
    pub gamma: Param<T>,
    /// `W_ih: [I, 2H]`
    pub w_ih: Param<T>,
    /// `W_ho: [2H, I]`
    pub w_ho: Param<T>,
    /// `d: [I]`
    pub d: Param<T>,
}

impl<T: Scalar> Lru<T> {
    /// Creates the cell. `λ` is uniform in the unit disc; see [`ring`](Self::ring). `W_ih` is normal with variance
    /// `1/(2I)`, `W_ho` with `1/H`, `d` with 1.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        let mut normal = |shape: &[usize], variance: f64| {
            Param::new(Init::Gaussian { mean: 0.0, std: variance.sqrt() }.tensor(rng, shape))
        };
        let w_ih = normal(&[input_size, 2 * hidden_size], 0.5 / input_size.max(1) as f64);
        let w_ho = normal(&[2 * hidden_size, input_size], 1.0 / hidden_size.max(1) as f64);
        let d = normal(&[input_size], 1.0);
        let [nu, theta, gamma] = [(); 3].map(|()| zeros([hidden_size]));
        Self { nu, theta, gamma, w_ih, w_ho, d }.ring(rng, 0.0, 1.0, 2.0 * std::f64::consts::PI)
    }

    /// Draws `λ` uniformly from the ring of magnitudes `low ≤ |λ| < high`, at angles up to `angle`. Sets `γ` so that
    /// white noise drives the state to the variance of `x W_ih`: `exp(γ) = √(1 − |λ|²)`.
    ///
    /// Magnitudes near 1 remember for long. For long sequences, the paper chooses angles below `π/10`.
    ///
    /// # Panics
    ///
    /// Unless `0 ≤ low < high ≤ 1` and `angle` is positive and finite.
    #[track_caller]
    #[must_use]
    pub fn ring(mut self, rng: &mut impl Rng, low: f64, high: f64, angle: f64) -> Self {
        assert!(
            0.0 <= low && low < high && high <= 1.0,
            "a ring has magnitudes 0 ≤ low < high ≤ 1, not {low} and {high}"
        );
        assert!(angle > 0.0 && angle.is_finite(), "an angle is positive and finite, not {angle}");
        let size = self.nu.shape()[0];
        let unit = Init::Uniform { low: f64::EPSILON, high: 1.0 };
        let [squares, angles]: [Tensor<f64>; 2] = [(); 2].map(|()| unit.tensor(rng, [size]));
        let squares = squares.map(|u| low * low + u * (high * high - low * low));
        self.nu.set(squares.map(|square| (-0.5 * square.ln()).ln()).cast());
        self.theta.set(angles.map(|u| (u * angle).ln()).cast());
        self.gamma.set(squares.map(|square| 0.5 * (1.0 - square).ln()).cast());
        self
    }

    init_options! {
        input_init: "`W_ih`, separately for the real and the imaginary part", |cell| {
            [(&mut cell.w_ih, 2)]
        };
        output_init: "`W_ho`", |cell| [(&mut cell.w_ho, 1)];
    }
}

step_without_noise!(Lru, (Var<'t, T>, Var<'t, T>));

impl<T: Scalar> NoisyCell<T> for Lru<T> {
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        (re, im): Self::State<'t>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let [nu, theta, gamma] = [&self.nu, &self.theta, &self.gamma].map(|p| x.tape().param(p));
        let (magnitude, angle) = ((-nu.exp()).exp(), theta.exp());
        let (cos, sin) = (magnitude * angle.cos(), magnitude * angle.sin());
        let [x_re, x_im] = x.matmul(&self.w_ih).split(-1);
        let [x_re, x_im] = [x_re, x_im].map(|part| part * gamma.exp());
        let next_re = (cos * re - sin * im + noise.written(0, x_re)).probe("re");
        let next_im = (sin * re + cos * im + noise.written(1, x_im)).probe("im");
        let read = Var::concat(&[noise.read(0, next_re), -noise.read(1, next_im)], -1);
        let y = (read.matmul(&self.w_ho) + x * &self.d).probe("y");
        (y, (next_re, next_im))
    }
}

impl<T> StateSizes for Lru<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.nu.shape()[0]; 2]
    }
}
