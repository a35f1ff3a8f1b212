//! The echo state reservoir, whose weights are not trained.

use bptt_autodiff::{Param, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use super::options::activation_options;
use super::parameters::zeros;
use crate::activation::Activation;
use crate::core::cell::StateSizes;
use crate::core::init::Init;
use crate::core::init::is_blank;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};

/// The echo state reservoir (Jaeger 2001), with leaky units (Jaeger et al. 2007):
///
/// ```text
/// h = (1 − a) h₋ + a tanh(x W_ih + h₋ W_hh + b)
/// ```
///
/// `x: [B, I]`, `W_ih: [I, H]`, `W_hh: [H, H]`, `b: [H]`; the leak `a` is a number. The state and the output are
/// `h: [B, H]`. `I·H + H·H + H` parameters, none of which is trained.
///
/// The weights are random and fixed. They are saved with a model, but no gradient flows into them, so optimizers do
/// not change them. Gradients do flow through them, to inputs and to the initial state. Training adapts a layer that
/// reads the reservoir.
///
/// The spectral radius of `W_hh` is the largest magnitude of its eigenvalues. The memory of the reservoir usually
/// fades if it is below 1, and lasts longer the closer it is to 1. The memory certainly fades if the largest singular
/// value is below 1 (Yildiz, Jaeger and Kiebel 2012). The papers write `W_in` for `W_ih` and `W` for `W_hh`.
#[doc(alias = "ESN")]
#[derive(Clone, Debug, Module)]
pub struct EchoState<T> {
    /// `W_ih: [I, H]`
    pub w_ih: Param<T>,
    /// `W_hh: [H, H]`
    pub w_hh: Param<T>,
    /// `b: [H]`
    pub b: Param<T>,
    #[module(skip)]
    leak: f64,
    /// The activation, by default `tanh`.
    #[module(skip)]
    pub activation: Activation<T>,
}

impl<T: Scalar> EchoState<T> {
    /// Creates a reservoir with spectral radius 0.9 and leak 1. `W_ih` is uniform between −1 and 1, `W_hh` Gaussian
    /// before it is scaled, `b` zero.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        let weights = Init::Gaussian { mean: 0.0, std: 1.0 };
        let inputs = Init::Uniform { low: -1.0, high: 1.0 };
        Self {
            w_ih: Param::new(inputs.tensor(rng, [input_size, hidden_size])),
            w_hh: Param::new(weights.tensor(rng, [hidden_size, hidden_size])),
            b: zeros([hidden_size]),
            leak: 1.0,
            activation: Activation::Tanh,
        }
        .spectral_radius(0.9)
    }

    /// Keeps a random share `density` of the weights between units, and scales them so that the spectral radius stays
    /// the same.
    ///
    /// # Panics
    ///
    /// If the share is not between 0 and 1, or if the remaining weights form no loop. Their spectral radius is then 0,
    /// which no factor changes.
    #[track_caller]
    #[must_use]
    pub fn sparse(mut self, rng: &mut impl Rng, density: f64) -> Self {
        assert!((0.0..=1.0).contains(&density), "a share is between 0 and 1, not {density}");
        if is_blank() {
            return self;
        }
        let radius = spectral_radius(self.w_hh.value());
        let kept = Tensor::bernoulli(self.w_hh.shape(), density, rng);
        self.w_hh.set(self.w_hh.value() * &kept);
        self.spectral_radius(radius)
    }

    /// Scales `W_hh` to this spectral radius.
    ///
    /// # Panics
    ///
    /// If the radius is negative or not finite, or if the spectral radius of `W_hh` is 0, as in a network without
    /// loops.
    #[track_caller]
    #[must_use]
    pub fn spectral_radius(mut self, radius: f64) -> Self {
        assert!(
            radius >= 0.0 && radius.is_finite(),
            "a spectral radius is at least 0, not {radius}"
        );
        if is_blank() {
            return self; // zeros, which a file will replace
        }
        let present = spectral_radius(self.w_hh.value());
        assert!(
            present > 0.0 || self.w_hh.shape()[0] == 0,
            "the weights form no loop, so their spectral radius 0 cannot be scaled to {radius}: keep a larger share"
        );
        *self.w_hh.value_mut() *= radius / present;
        self
    }

    /// Sets the leak `a`. The smaller it is, the slower the units change.
    ///
    /// # Panics
    ///
    /// If it is not greater than 0 and at most 1.
    #[track_caller]
    #[must_use]
    pub fn leak(mut self, leak: f64) -> Self {
        assert!(leak > 0.0 && leak <= 1.0, "a leak is greater than 0 and at most 1, not {leak}");
        self.leak = leak;
        self
    }

    /// Returns the leak `a`.
    #[must_use]
    pub fn leaking_rate(&self) -> f64 {
        self.leak
    }

    activation_options! {
        activation: "of the units, by default `tanh`";
    }
}

/// Returns the largest magnitude of an eigenvalue, `lim ‖Wⁿ‖^{1/n}` (Gelfand 1941).
///
/// Repeated squaring computes the power, `n = 2ᵏ`. Each power is scaled to norm 1, so that it neither overflows nor
/// vanishes, and the logarithms of the norms are summed. A factor `c` between norm and radius contributes `c^{1/n}`,
/// which is 1 up to rounding at `n = 2³⁰`. Complex pairs of eigenvalues need no special case.
fn spectral_radius<T: Scalar>(w: &Tensor<T>) -> f64 {
    const SQUARINGS: usize = 30;

    let mut power: Tensor<f64> = w.cast();
    let (mut logarithm, mut share) = (0.0, 1.0);
    for _ in 0..=SQUARINGS {
        let norm = power.as_slice().iter().map(|x| x * x).sum::<f64>().sqrt();
        if norm == 0.0 {
            return 0.0;
        }
        logarithm += share * norm.ln();
        share /= 2.0;
        power *= norm.recip();
        power = power.matmul(&power);
    }
    logarithm.exp()
}

step_without_noise!(EchoState, Var<'t, T>);

impl<T: Scalar> NoisyCell<T> for EchoState<T> {
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        h: Var<'t, T>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Var<'t, T>) {
        let fixed = |param| x.tape().param(param).stop_gradient();
        let net = x.matmul(fixed(&self.w_ih))
            + noise.read(0, h).matmul(fixed(&self.w_hh))
            + fixed(&self.b);
        let h = match self.leak {
            1.0 => noise.written(0, self.activation.apply(net)),
            leak => h * (1.0 - leak) + noise.written(0, self.activation.apply(net)) * leak,
        }
        .probe("h");
        (h, h)
    }
}

impl<T> StateSizes for EchoState<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_hh.shape()[0]]
    }
}
