//! Optional parts that modules of several kinds have. Each is defined here once.

use bptt_autodiff::Param;
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use super::init::Init;

/// Defines builder methods that draw new initial values, one method for each list of parameters. Each parameter comes
/// with the number of gates that it concatenates.
macro_rules! init_options {
    ($($name:ident: $weights:literal, |$module:ident| $params:expr;)*) => {$(
        #[doc = concat!("Sets the initial values of ", $weights, ".")]
        ///
        /// # Panics
        ///
        /// As [`Init::tensor`](crate::Init::tensor), for the shape of the parameter.
        #[track_caller]
        #[must_use]
        pub fn $name(mut self, rng: &mut impl rand::Rng, init: $crate::core::init::Init) -> Self {
            let $module = &mut self;
            for (param, gates) in $params {
                $crate::core::options::draw(param, gates, init, rng);
            }
            self
        }
    )*};
}
pub(crate) use init_options;

/// Draws a new value for a parameter, separately for each gate. The kernel of a convolution, `[.., I, O]`, is drawn as a
/// matrix of all its inputs and `O` outputs.
#[track_caller]
pub(crate) fn draw<T: Scalar>(param: &mut Param<T>, gates: usize, init: Init, rng: &mut impl Rng) {
    let drawn = match param.shape()[..] {
        [rows, columns] => init.gates(rng, gates, [rows, columns / gates]),
        [_, .., columns] => {
            let rows = param.value().len() / columns.max(1);
            init.tensor(rng, [rows, columns]).reshape(param.shape())
        }
        _ => init.tensor(rng, param.shape()),
    };
    param.set(drawn);
}

/// Defines the builder method `epsilon`, which sets the `ε` of the given layer norms.
macro_rules! epsilon_option {
    (|$module:ident| $norms:expr) => {
        /// Sets `ε`, which keeps the division finite where all features are equal. It is `1e-5` in PyTorch and `1e-3`
        /// in Keras.
        ///
        /// # Panics
        ///
        /// If it is not positive and finite.
        #[track_caller]
        #[must_use]
        pub fn epsilon(mut self, epsilon: f64) -> Self {
            assert!(
                epsilon > 0.0 && epsilon.is_finite(),
                "an epsilon is positive and finite, not {epsilon}"
            );
            let $module = &mut self;
            for norm in $norms {
                norm.epsilon = epsilon;
            }
            self
        }
    };
}
pub(crate) use epsilon_option;

/// Defines the builder method `bias`, which removes or adds the given biases. Each parameter comes with its size.
macro_rules! bias_option {
    (|$module:ident| $biases:expr) => {
        /// Sets whether there are biases. By default there are. An added bias starts at zero.
        #[must_use]
        pub fn bias(mut self, bias: bool) -> Self {
            let $module = &mut self;
            for (param, size) in $biases {
                $crate::core::options::set_bias(param, size, bias);
            }
            self
        }
    };
}
pub(crate) use bias_option;

/// Removes biases, or adds biases of zero where there are none.
pub(crate) fn set_bias<T: Scalar>(param: &mut Option<Param<T>>, size: usize, has_bias: bool) {
    let before = param.take();
    *param = has_bias.then(|| before.unwrap_or_else(|| Param::new(Tensor::zeros([size]))));
}
