//! The network in which every unit sees every unit.

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
/// s = f(x (U ⊙ M_U) + s₋ (W ⊙ M_W) + b)
/// ```
///
/// `x: [B, I]`, `U: [I, N]`, `W: [N, N]`, `b: [N]`; the masks `M` of 0 and 1 have the shapes of the
/// weights, and are all 1 unless given. The state and the output are the activations `s: [B, N]` of all
/// units. `I·N + N·N + N` parameters.
///
/// A masked weight takes no part: whatever its value, it counts as 0, and its gradient is exactly 0.
/// Network topologies from partly to fully recurrent are masks. With hidden units that see inputs and
/// hidden units, and output units that see hidden units alone, this is the [`Elman`](crate::Elman)
/// network, but for one delay: every unit here reads the step before, so outputs come a step later.
#[derive(Clone, Debug, Module)]
pub struct FullyRecurrent<T> {
    /// `U: [I, N]`
    pub u: Param<T>,
    /// `W: [N, N]`, from row to column.
    pub w: Param<T>,
    /// `b: [N]`
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
    /// A network with all connections and `f = tanh`. `U` starts from
    /// [`Init::Xavier`](crate::Init::Xavier), `W` orthogonal, `b` zero.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, units: usize) -> Self {
        Self {
            u: input_weight(rng, 1, [input_size, units]),
            w: recurrent_weight(rng, 1, [units, units]),
            b: zeros([units]),
            input_connections: None,
            connections: None,
            activation: Activation::Tanh,
        }
    }

    /// Only those connections between units where `mask: [N, N]` is 1: from the unit of the row to that
    /// of the column.
    ///
    /// # Panics
    ///
    /// If the mask has another shape than `W`, or other entries than 0 and 1.
    #[track_caller]
    #[must_use]
    pub fn connections(mut self, mask: &Tensor<T>) -> Self {
        self.connections = Some(connections_of(mask, &self.w));
        self
    }

    /// Only those connections from inputs to units where `mask: [I, N]` is 1.
    ///
    /// # Panics
    ///
    /// If the mask has another shape than `U`, or other entries than 0 and 1.
    #[track_caller]
    #[must_use]
    pub fn input_connections(mut self, mask: &Tensor<T>) -> Self {
        self.input_connections = Some(connections_of(mask, &self.u));
        self
    }

    activation_options! {
        activation: "`f`";
    }

    init_options! {
        input_init: "`U`", |cell| [(&mut cell.u, 1)];
        recurrent_init: "`W`", |cell| [(&mut cell.w, 1)];
        bias_init: "`b`", |cell| [(&mut cell.b, 1)];
    }
}

#[track_caller]
fn connections_of<T: Scalar>(mask: &Tensor<T>, weight: &Param<T>) -> Tensor<T> {
    shape::same("connections", mask.shape(), weight.shape()).or_panic();
    let invalid = mask.as_slice().iter().find(|&&entry| entry != T::zero() && entry != T::one());
    if let Some(entry) = invalid {
        panic!("connections: a connection is there (1) or not (0), not {entry}");
    }
    mask.clone()
}

/// `x W`, without the connections that are masked.
#[track_caller]
fn connected<'t, T: Scalar>(
    x: Var<'t, T>,
    weight: &Param<T>,
    mask: Option<&Tensor<T>>,
) -> Var<'t, T> {
    let weight = x.tape().param(weight);
    // chosen, not multiplied: a masked weight may be anything
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
        s: Var<'t, T>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Var<'t, T>) {
        let read = connected(x, &self.u, self.input_connections.as_ref());
        let recurrent = connected(noise.read(0, s), &self.w, self.connections.as_ref());
        let s = self.activation.apply(read + recurrent + &self.b);
        (s, s)
    }
}

impl<T> StateSizes for FullyRecurrent<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w.shape()[0]]
    }
}
