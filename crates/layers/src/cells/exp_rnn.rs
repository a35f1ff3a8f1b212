//! The recurrent network with an orthogonal weight that is an exponential.

use bptt_autodiff::{Param, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::{Rng, RngExt};

use super::matrix_exponential::{matrix_exponential, norm_of_rows};
use super::parameters::input_weight;
use crate::core::cell::StateSizes;
use crate::core::init::Init;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};
use crate::core::options::init_options;

/// The network with an orthogonal recurrent weight or `expRNN` (Lezcano-Casado and Martínez-Rubio 2019):
///
/// ```text
/// A = triu(W_hh) − triu(W_hh)ᵀ
/// z = x W_ih + h₋ exp(A)
/// h = sign(z) ⊙ relu(|z| + b)
/// ```
///
/// `x: [B, I]`, `W_ih: [I, H]`, `W_hh: [H, H]`, of which only the triangle above the diagonal has an effect, `b: [H]`. The
/// state and the output are `h: [B, H]`. `I·H + H·H + H` parameters.
///
/// The exponential of a skew-symmetric matrix is orthogonal, and every rotation is one. `h₋` therefore keeps its norm,
/// and so does its cotangent, whatever an optimizer does to `W_hh`. A [`scan`](crate::scan) computes the exponential
/// once for all steps. The function of the units is the modReLU of Arjovsky, Shah and Bengio (2016), for real numbers.
#[doc(alias = "orthogonal")]
#[derive(Clone, Debug, Module)]
pub struct ExpRnn<T> {
    /// `W_ih: [I, H]`
    pub w_ih: Param<T>,
    /// `W_hh: [H, H]`
    pub w_hh: Param<T>,
    /// `b: [H]`
    pub b: Param<T>,
}

impl<T: Scalar> ExpRnn<T> {
    /// Creates the cell. `W_ih` starts from [`Init::Xavier`], and `b` is uniform between ±0.01. `exp(A)` rotates pairs of
    /// units by angles that are uniform between `±π` (Henaff, Szlam and LeCun 2016).
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        use std::f64::consts::PI;
        let mut w_hh = Tensor::zeros([hidden_size, hidden_size]);
        for unit in (1..hidden_size).step_by(2) {
            let angle = T::of(rng.random_range(-PI..PI));
            w_hh.as_mut_slice()[(unit - 1) * hidden_size + unit] = angle;
        }
        Self {
            w_ih: input_weight(rng, 1, [input_size, hidden_size]),
            w_hh: Param::new(w_hh),
            b: Param::new(Init::Uniform { low: -0.01, high: 0.01 }.tensor(rng, [hidden_size])),
        }
    }

    init_options! {
        input_init: "`W_ih`", |cell| [(&mut cell.w_ih, 1)];
        recurrent_init: "`W_hh`", |cell| [(&mut cell.w_hh, 1)];
        bias_init: "`b`", |cell| [(&mut cell.b, 1)];
    }

    /// Returns `exp(A)`.
    fn rotation<'t>(&self, w_hh: Var<'t, T>) -> Var<'t, T> {
        let size = self.w_hh.shape()[0];
        let above = |i: usize| if i / size.max(1) < i % size.max(1) { T::one() } else { T::zero() };
        let above = Tensor::from_fn([size, size], above);
        let present = self.w_hh.value() * &above;
        let norm = norm_of_rows(&(&present - present.transpose(0, 1)));
        let upper = w_hh * &above;
        matrix_exponential(upper - upper.transpose(0, 1), norm)
    }
}

step_without_noise!(ExpRnn, Var<'t, T>);

impl<T: Scalar> NoisyCell<T> for ExpRnn<T> {
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        h: Var<'t, T>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Var<'t, T>) {
        let rotation = self.rotation(x.tape().param(&self.w_hh));
        let z = x.matmul(&self.w_ih) + noise.read(0, h).matmul(rotation);
        let magnitude = (z.abs() + &self.b).relu();
        let h = z.ge(0.0).select(magnitude, -magnitude).probe("h");
        (h, h)
    }
}

impl<T> StateSizes for ExpRnn<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.b.shape()[0]]
    }
}
