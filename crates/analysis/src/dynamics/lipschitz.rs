//! Lipschitz constants of cells.

use bptt_layers::{Activation, EchoState, Elman, FullyRecurrent, IndRnn};
use bptt_tensor::Scalar;

use crate::linear_algebra::spectral_norm;

/// A cell whose step has a Lipschitz constant in the state, at all inputs and states:
/// `‖F(x, s) − F(x, s′)‖₂ ≤ L ‖s − s′‖₂`.
///
/// For `h = φ(x W_ih + h₋ W + b)` it is `L = ‖W‖₂ γ`, `γ = max |φ′|`. `L < 1` suffices for gradients to vanish, and for
/// the state to forget where it began. For gradients to explode, `L > 1` is necessary (Pascanu et al. 2013).
///
/// Cells with products of the state with itself, such as gates, have no such constant.
pub trait Lipschitz {
    /// Returns the constant `L`; `None` if the [largest slope](max_slope) of the activation is not known, or a weight is not
    /// finite.
    #[must_use]
    fn lipschitz(&self) -> Option<f64>;
}

/// `L = ‖W_hh‖₂ γ`.
impl<T: Scalar> Lipschitz for Elman<T> {
    fn lipschitz(&self) -> Option<f64> {
        Some(spectral_norm(&self.w_hh.value().cast())? * max_slope(&self.activation)?)
    }
}

/// `L = ‖W_hh ⊙ M_hh‖₂ γ`.
impl<T: Scalar> Lipschitz for FullyRecurrent<T> {
    fn lipschitz(&self) -> Option<f64> {
        Some(spectral_norm(&self.connected_weights().cast())? * max_slope(&self.activation)?)
    }
}

/// `L = (1 − a) + a ‖W_hh‖₂ γ`. If it is below 1, the reservoir has the echo state property: its memory of the initial
/// state fades (Yildiz, Jaeger and Kiebel 2012).
impl<T: Scalar> Lipschitz for EchoState<T> {
    fn lipschitz(&self) -> Option<f64> {
        let inner = spectral_norm(&self.w_hh.value().cast())? * max_slope(&self.activation)?;
        let leak = self.leaking_rate();
        Some((1.0 - leak) + leak * inner)
    }
}

/// `L = max |w_hh| γ`.
impl<T: Scalar> Lipschitz for IndRnn<T> {
    fn lipschitz(&self) -> Option<f64> {
        let weights = self.w_hh.value();
        let largest = weights.iter().map(|w| w.as_f64().abs()).fold(0.0, f64::max);
        weights.is_finite().then_some(largest * max_slope(&self.activation)?)
    }
}

/// Returns the largest slope `γ = max |φ′|` of an activation; `None` for spikes, a table or a custom function, and for
/// an activation that is not known here. That of a softmax is the largest norm of its Jacobian, `½`.
#[must_use]
pub fn max_slope<T: Scalar>(activation: &Activation<T>) -> Option<f64> {
    match activation {
        Activation::Identity
        | Activation::Tanh
        | Activation::Relu
        | Activation::Softplus
        | Activation::Elu
        | Activation::HardTanh => Some(1.0),
        Activation::Sigmoid => Some(0.25),
        Activation::Silu => Some(1.099_839_321), // at z = 2.3994
        Activation::Gelu => Some(1.128_904_146), // at z = √2
        Activation::GeluTanh => Some(1.128_993_069), // at z = 1.4185
        Activation::HardSigmoid { slope } => Some(slope.abs()),
        Activation::Softmax => Some(0.5),
        _ => None,
    }
}
