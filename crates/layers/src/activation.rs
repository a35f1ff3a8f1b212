//! Activation functions, as data that a cell can be configured with.

use bptt_autodiff::Var;
use bptt_tensor::Scalar;

/// A function that a layer applies to its net input.
///
/// ```
/// use bptt_layers::Activation;
/// let leaky: Activation<f32> = Activation::Custom(|z| z.maximum(z * 0.01));
/// assert_ne!(format!("{leaky:?}"), format!("{:?}", Activation::<f32>::Relu));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub enum Activation<T> {
    /// `z`
    Identity,
    /// `tanh z`
    #[default]
    Tanh,
    /// `1 / (1 + e⁻ᶻ)`
    Sigmoid,
    /// `max(z, 0)`
    Relu,
    /// `ln(1 + eᶻ)`
    Softplus,
    /// `eᶻⁱ / Σⱼ eᶻʲ` over the last axis
    Softmax,
    /// Any other function of variables.
    Custom(for<'t> fn(Var<'t, T>) -> Var<'t, T>),
}

impl<T: Scalar> Activation<T> {
    /// The function of `z`.
    #[track_caller]
    #[must_use]
    pub fn apply<'t>(&self, z: Var<'t, T>) -> Var<'t, T> {
        match self {
            Self::Identity => z,
            Self::Tanh => z.tanh(),
            Self::Sigmoid => z.sigmoid(),
            Self::Relu => z.relu(),
            Self::Softplus => z.softplus(),
            Self::Softmax => z.softmax(-1),
            Self::Custom(function) => function(z),
        }
    }
}
