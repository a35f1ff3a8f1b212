//! Spikes and their surrogate gradients.

use std::f64::consts::FRAC_PI_2;

use bptt_autodiff::{Elementwise, Var};
use bptt_tensor::Scalar;

/// The surrogate gradient of a spike.
///
/// A neuron spikes where its potential is above the threshold: `s = Θ(v)`, with 1 for `v > 0` and 0 elsewhere. The
/// derivative of this step is 0 almost everywhere, so nothing could be learned through it. Training replaces it by the
/// slope of a smooth function near the threshold (Neftci, Mostafa and Zenke 2019). The spikes stay what they are.
///
/// | surrogate | slope at `v` | that of | |
/// |---|---|---|---|
/// | [`FastSigmoid`](Self::FastSigmoid) | `1 / (1 + β \|v\|)²` | `v / (1 + β \|v\|)` | Zenke and Ganguli 2018 |
/// | [`Arctangent`](Self::Arctangent) | `α/2 / (1 + (π/2 · α v)²)` | `arctan(π/2 · α v) / π` | Fang et al. 2021 |
/// | [`Triangle`](Self::Triangle) | `γ max(0, 1 − \|v\|)` | a parabola on each side | Bellec et al. 2018 |
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::Surrogate;
/// use bptt_tensor::Tensor;
///
/// let spike = Surrogate::FastSigmoid { beta: 10.0 };
/// let tape = Tape::new();
/// let v = tape.variable(Tensor::from([-0.1, 0.0, 0.3]));
/// let spikes = spike.apply(v);
/// assert_eq!(spikes.value().to_vec(), [0.0, 0.0, 1.0]);
/// assert_eq!(tape.backward(spikes.sum_all()).wrt(v).to_vec(), [0.25, 1.0, 0.0625]);
/// ```
///
/// [`Activation::Spike`](super::Activation::Spike) makes it the function of a cell. A leaky integrate-and-fire neuron
/// subtracts its threshold: `surrogate.apply(u - 1.0)`.
///
/// A surrogate gradient is not a derivative, and differences of the values are none of it. The gradient kit therefore
/// checks such a model without the laws that compare with differences: `check.without(Law::BY_DIFFERENCES)`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Surrogate {
    /// `1 / (1 + β |v|)²`, the slope of a fast sigmoid.
    FastSigmoid {
        /// The steepness `β`. It is commonly 10 to 100, for potentials in units of the threshold.
        beta: f64,
    },
    /// `α/2 / (1 + (π/2 · α v)²)`, the slope of a scaled arctangent.
    Arctangent {
        /// The steepness `α`, commonly 2.
        alpha: f64,
    },
    /// `γ max(0, 1 − |v|)`, a triangle.
    Triangle {
        /// The height `γ`, commonly 0.3. It dampens gradients over many steps.
        gamma: f64,
    },
}

impl Surrogate {
    /// Returns the spikes `Θ(v)`: 1 where `v > 0`, else 0. NaN stays. Their gradient is the surrogate.
    #[track_caller]
    #[must_use]
    pub fn apply<'t, T: Scalar>(self, v: Var<'t, T>) -> Var<'t, T> {
        // two selections, which a loop computes without branches
        let spike = |_: &Self, [v]: [T; 1]| {
            let s = if v > T::zero() { T::one() } else { T::zero() };
            if v.is_nan() { v } else { s }
        };
        Elementwise::with_constants("spike", self, spike, |this, [v], _| [this.slope(v)])
            .decomposition(|[v]| v.equal(v).select(v.gt(0.0), v))
            .apply([v])
    }

    /// Returns the slope that stands in for the derivative of the spikes.
    #[track_caller]
    #[must_use]
    pub fn slope<'t, T: Scalar>(self, v: Var<'t, T>) -> Var<'t, T> {
        match self {
            Self::FastSigmoid { beta } => (1.0 + v.abs() * beta).square().recip(),
            Self::Arctangent { alpha } => 0.5 * alpha / (1.0 + (v * (FRAC_PI_2 * alpha)).square()),
            Self::Triangle { gamma } => (1.0 - v.abs()).relu() * gamma,
        }
    }
}
