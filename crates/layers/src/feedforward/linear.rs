//! Affine maps.

use bptt_autodiff::{Param, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use super::stateless::cell_without_state;
use crate::core::init::Init;
use crate::core::module::Module;
use crate::core::options::{bias_option, init_options};

/// An affine map of the last axis: `y = x W + b`.
///
/// `x: [.., I]`, `W: [I, O]`, `b: [O]`, `y: [.., O]`; `I·O + O` parameters.
///
/// It is also a [`Cell`](crate::Cell) without a state. In a tuple, `(layer, linear)`, it is the output layer above
/// another layer. The tuple runs over sequences or step by step, like the layer.
#[derive(Clone, Debug, Module)]
pub struct Linear<T> {
    /// `W: [I, O]`
    pub w: Param<T>,
    /// `b: [O]`, if there are biases.
    pub b: Option<Param<T>>,
}

impl<T: Scalar> Linear<T> {
    /// Creates a map with a weight from [`Init::Xavier`] and biases of zero.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, output_size: usize) -> Self {
        Self {
            w: Param::new(Init::Xavier.tensor(rng, [input_size, output_size])),
            b: Some(Param::new(Tensor::zeros([output_size]))),
        }
    }

    bias_option!(|linear| [(&mut linear.b, linear.w.shape()[1])]);

    init_options! {
        weight_init: "`W`", |linear| [(&mut linear.w, 1)];
        bias_init: "`b`", |linear| linear.b.iter_mut().map(|b| (b, 1));
    }

    /// Returns `x W + b`.
    ///
    /// # Panics
    ///
    /// If the last axis of `x` is not the input size.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        biased(x.matmul(&self.w), self.b.as_ref())
    }
}

cell_without_state!(Linear);

/// Returns `z + b`, or `z` without a bias.
#[track_caller]
pub(crate) fn biased<'t, T: Scalar>(z: Var<'t, T>, b: Option<&Param<T>>) -> Var<'t, T> {
    match b {
        Some(b) => z + b,
        None => z,
    }
}
