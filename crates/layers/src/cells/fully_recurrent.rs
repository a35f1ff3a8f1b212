//! The fully recurrent network, in which every unit reads every unit.

use bptt_autodiff::{Param, Var};
use bptt_tensor::shape::{self, OrPanic};
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use super::options::activation_options;
use super::parameters::{input_weight, recurrent_weight, zeros};
use crate::activation::Activation;
use crate::core::cell::StateSizes;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};
use crate::core::options::init_options;

/// The fully recurrent network (Williams and Zipser 1989), or one with some of its connections:
///
/// ```text
/// h = f(x (W_ih ⊙ M_ih) + h₋ (W_hh ⊙ M_hh) + b)
/// ```
///
/// `x: [B, I]`, `W_ih: [I, H]`, `W_hh: [H, H]`, `b: [H]`; the masks `M` of 0 and 1 have the shapes of the
/// weights, and are all 1 unless given. The state and the output are the activations `h: [B, H]` of all
/// units. `I·H + H·H + H` parameters.
///
/// A masked weight counts as 0 whatever its value, NaN included, and its gradient is exactly 0. Masks describe any
/// topology, from partly to fully recurrent. The [`Elman`](crate::Elman) network is one of them: its hidden units
/// read inputs and hidden units, and its output units read hidden units. Outputs come one step later here, since
/// every unit reads the step before.
#[derive(Clone, Debug, Module)]
pub struct FullyRecurrent<T> {
    /// `W_ih: [I, H]`
    pub w_ih: Param<T>,
    /// `W_hh: [H, H]`. Entry `[i, j]` is the weight from unit `i` to unit `j`.
    pub w_hh: Param<T>,
    /// `b: [H]`
    pub b: Param<T>,
    #[module(skip)]
    input_connections: Option<Tensor<T>>,
    #[module(skip)]
    connections: Option<Tensor<T>>,
    /// `f`
    #[module(skip)]
    pub activation: Activation<T>,
}

impl<T: Scalar> FullyRecurrent<T> {
    /// Creates a network with all connections and `f = tanh`. `W_ih` starts from [`Init::Xavier`](crate::Init::Xavier),
    /// `W_hh` orthogonal, `b` zero.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        Self {
            w_ih: input_weight(rng, 1, [input_size, hidden_size]),
            w_hh: recurrent_weight(rng, 1, [hidden_size, hidden_size]),
            b: zeros([hidden_size]),
            input_connections: None,
            connections: None,
            activation: Activation::Tanh,
        }
    }

    /// Keeps only the connections between units where `mask: [H, H]` is 1. Entry `[i, j]` is the connection from unit
    /// `i` to unit `j`.
    ///
    /// # Panics
    ///
    /// If the mask has another shape than `W_hh`, or other entries than 0 and 1.
    #[track_caller]
    #[must_use]
    pub fn connections(mut self, mask: &Tensor<T>) -> Self {
        self.connections = Some(connections_of(mask, &self.w_hh));
        self
    }

    /// Keeps only the connections from inputs to units where `mask: [I, H]` is 1.
    ///
    /// # Panics
    ///
    /// If the mask has another shape than `W_ih`, or other entries than 0 and 1.
    #[track_caller]
    #[must_use]
    pub fn input_connections(mut self, mask: &Tensor<T>) -> Self {
        self.input_connections = Some(connections_of(mask, &self.w_ih));
        self
    }

    /// Returns `W_hh ⊙ M_hh`, the weights between units with 0 for each masked connection.
    #[must_use]
    pub fn connected_weights(&self) -> Tensor<T> {
        match &self.connections {
            Some(mask) => mask.select(self.w_hh.value(), 0.0),
            None => self.w_hh.value().clone(),
        }
    }

    activation_options! {
        activation: "`f`";
    }

    init_options! {
        input_init: "`W_ih`", |cell| [(&mut cell.w_ih, 1)];
        recurrent_init: "`W_hh`", |cell| [(&mut cell.w_hh, 1)];
        bias_init: "`b`", |cell| [(&mut cell.b, 1)];
    }
}

#[track_caller]
fn connections_of<T: Scalar>(mask: &Tensor<T>, weight: &Param<T>) -> Tensor<T> {
    shape::same("connections", mask.shape(), weight.shape()).or_panic();
    let invalid = mask.as_slice().iter().find(|&&entry| entry != T::zero() && entry != T::one());
    if let Some(entry) = invalid {
        panic!("connections: a mask has entries of 0 and 1, not {entry}");
    }
    mask.clone()
}

/// Returns `x W` without the masked connections.
#[track_caller]
pub(super) fn connected<'t, T: Scalar>(
    x: Var<'t, T>,
    weight: &Param<T>,
    mask: Option<&Tensor<T>>,
) -> Var<'t, T> {
    let weight = x.tape().param(weight);
    // selected, not multiplied: a masked weight may be NaN
    let weight = match mask {
        Some(mask) => x.tape().constant(mask.clone()).select(weight, 0.0),
        None => weight,
    };
    x.matmul(weight)
}

step_without_noise!(FullyRecurrent, Var<'t, T>);

impl<T: Scalar> NoisyCell<T> for FullyRecurrent<T> {
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        h: Var<'t, T>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Var<'t, T>) {
        let read = connected(x, &self.w_ih, self.input_connections.as_ref());
        let recurrent = connected(noise.read(0, h), &self.w_hh, self.connections.as_ref());
        let h = self.activation.apply(read + recurrent + &self.b).probe("h");
        (h, h)
    }
}

impl<T> StateSizes for FullyRecurrent<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_hh.shape()[0]]
    }
}
