//! Activation functions, with which a cell is configured.

mod surrogate;
mod table;

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use bptt_autodiff::{Elementwise, Var};
use bptt_tensor::Scalar;

pub use surrogate::Surrogate;
pub use table::Table;

use crate::core::cell::{Cell, StateSizes};
use crate::core::module::Module;

/// A function that a layer applies to its net input.
///
/// At a kink, the derivative is the mean of those on both sides. The derivative of [`Relu`](Self::Relu) at 0 is 0. A
/// [`Table`] and a [`Spike`](Self::Spike) define their own derivatives.
///
/// ```
/// use bptt_layers::Activation;
/// let leaky: Activation<f32> = Activation::Custom(|z| z.maximum(z * 0.01));
/// assert_ne!(format!("{leaky:?}"), format!("{:?}", Activation::<f32>::Relu));
/// ```
///
/// An activation is also a [`Cell`] without a state and without parameters. Above a [`Linear`](crate::Linear), it
/// completes an output layer for any layer.
///
/// ```
/// # use bptt_autodiff::Tape;
/// # use bptt_layers::{Activation, Gru, Layer, Linear};
/// # use bptt_tensor::Tensor;
/// # let rng = &mut bptt_layers::rng(0);
/// let gru = Gru::<f32>::new(rng, 3, 8);
/// let model = (gru, (Linear::new(rng, 8, 2), Activation::Softmax)); // o = softmax(h W + b)
/// let tape = Tape::new();
/// let (ys, _state) = model.forward(tape.constant(Tensor::ones([5, 1, 3])));
/// assert!((ys.index_first(4).value().as_slice().iter().sum::<f32>() - 1.0).abs() < 1e-6);
/// ```
#[derive(Clone, Debug, Default, Module)]
#[non_exhaustive]
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
    /// `z` above 0, `eᶻ − 1` below (Clevert, Unterthiner and Hochreiter 2016).
    Elu,
    /// `z σ(z)`, also called swish.
    Silu,
    /// `½ z (1 + erf(z / √2))`: `z` times the standard normal distribution function at `z` (Hendrycks and Gimpel 2016).
    Gelu,
    /// `½ z (1 + tanh(√(2/π) (z + 0.044715 z³)))`, by which [`Gelu`](Self::Gelu) is often approximated.
    GeluTanh,
    /// `min(max(z, −1), 1)`
    HardTanh,
    /// `min(max(slope · z + ½, 0), 1)`. By convention the slope is 1/6 in PyTorch and Keras 3, and 1/5
    /// in Theano, Keras 1 and 2, and ONNX.
    HardSigmoid {
        /// The slope at 0.
        #[module(skip)]
        slope: f64,
    },
    /// `eᶻⁱ / Σⱼ eᶻʲ` over the last axis
    Softmax,
    /// `Θ(z)`, 1 where `z > 0` and 0 elsewhere, with a surrogate gradient.
    Spike(#[module(skip)] Surrogate),
    /// A function read from a table.
    Table(#[module(skip)] Table),
    /// An elementwise function of one's own, with constants or without.
    ///
    /// ```
    /// use bptt_autodiff::Elementwise;
    /// use bptt_layers::{Activation, Gru};
    ///
    /// // y = x for x > 0, else slope · x
    /// let leaky_relu = |slope: f64| {
    ///     Elementwise::with_constants(
    ///         "leaky_relu",
    ///         slope,
    ///         |&slope, [x]: [f64; 1]| if x > 0.0 { x } else { slope * x },
    ///         |&slope, [x], _y| [x.gt(0.0).select(1.0, slope)],
    ///     )
    /// };
    /// let gru = Gru::new(&mut bptt_layers::rng(0), 3, 8);
    /// let gru = gru.candidate_activation(Activation::Elementwise(leaky_relu(0.1)));
    /// ```
    Elementwise(#[module(skip)] Elementwise<T, 1>),
    /// Any other function of variables.
    Custom(#[module(skip)] for<'t> fn(Var<'t, T>) -> Var<'t, T>),
}

impl<T: Scalar> Activation<T> {
    /// Applies the function to `z`.
    #[track_caller]
    #[must_use]
    pub fn apply<'t>(&self, z: Var<'t, T>) -> Var<'t, T> {
        match self {
            Self::Identity => z,
            Self::Tanh => z.tanh(),
            Self::Sigmoid => z.sigmoid(),
            Self::Relu => z.relu(),
            Self::Softplus => z.softplus(),
            Self::Elu => z.ge(0.0).select(z, z.expm1()),
            // −∞ · 0 is 0 here, the limit
            Self::Silu => z.chain_mul(z.sigmoid()),
            Self::Gelu => (z * 0.5).chain_mul(1.0 + (z * FRAC_1_SQRT_2).erf()),
            Self::GeluTanh => {
                let inner = (z + z * z * z * 0.044_715) * (FRAC_2_SQRT_PI * FRAC_1_SQRT_2);
                (z * 0.5).chain_mul(1.0 + inner.tanh())
            }
            Self::HardTanh => z.clamp(-1.0, 1.0),
            Self::HardSigmoid { slope } => (z * *slope + 0.5).clamp(0.0, 1.0),
            Self::Softmax => z.softmax(-1),
            Self::Spike(surrogate) => surrogate.apply(z),
            Self::Table(table) => table.apply(z),
            Self::Elementwise(function) => function.apply([z]),
            Self::Custom(function) => function(z),
        }
    }
}

impl<T: Scalar> Cell<T> for Activation<T> {
    type State<'t> = ();

    #[track_caller]
    fn step<'t>(&self, z: Var<'t, T>, (): ()) -> (Var<'t, T>, ()) {
        (self.apply(z), ())
    }
}

impl<T> StateSizes for Activation<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![]
    }
}
