//! Recurrent cells whose units can have two stable states.

use bptt_autodiff::{Param, Var};
use bptt_tensor::Scalar;
use rand::Rng;

use super::options::gate_activations;
use super::parameters::{input_weight, recurrent_weight};
use crate::activation::Activation;
use crate::core::cell::StateSizes;
use crate::core::init::Init;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};
use crate::core::options::init_options;

/// The bistable recurrent cell or `BRC` (Vecoven, Ernst and Drion 2021):
///
/// ```text
/// a = 1 + tanh(x W_ih_a + w_hh_a ⊙ h₋)
/// z = σ(x W_ih_z + w_hh_z ⊙ h₋)
/// n = tanh(x W_ih_n + a ⊙ h₋)
/// h = z ⊙ h₋ + (1 − z) ⊙ n
/// ```
///
/// `x: [B, I]`, `W_ih: [I, 3H]` with the columns of `a`, `z`, `n` concatenated, `w_hh_a`, `w_hh_z: [H]`. The state and the
/// output are `h: [B, H]`. `3I·H + 2H` parameters; there are no biases.
///
/// A unit reads its own state alone. Its feedback `a` lies between 0 and 2. Without an input, a unit with `a ≤ 1` decays
/// to 0; one with `a > 1` has two stable states, and keeps its sign for ever. The paper writes `c` for `z`, `U` for
/// `W_ih` and `w` for `w_hh`.
#[doc(alias = "BRC")]
#[derive(Clone, Debug, Module)]
pub struct Brc<T> {
    /// `W_ih: [I, 3H]`
    pub w_ih: Param<T>,
    /// `w_hh_a: [H]`
    pub w_hh_a: Param<T>,
    /// `w_hh_z: [H]`
    pub w_hh_z: Param<T>,
    /// The function of the gate `z`, by default `σ`.
    #[module(skip)]
    pub gate_activation: Activation<T>,
    /// The function of the candidate, by default `tanh`.
    #[module(skip)]
    pub candidate_activation: Activation<T>,
}

/// The recurrently neuromodulated bistable cell or `nBRC` (Vecoven, Ernst and Drion 2021):
///
/// ```text
/// a = 1 + tanh(x W_ih_a + h₋ W_hh_a)
/// z = σ(x W_ih_z + h₋ W_hh_z)
/// n = tanh(x W_ih_n + a ⊙ h₋)
/// h = z ⊙ h₋ + (1 − z) ⊙ n
/// ```
///
/// `x: [B, I]`, `W_ih: [I, 3H]` with the columns of `a`, `z`, `n` concatenated, `W_hh_{a,z}: [H, 2H]`. The state and the
/// output are `h: [B, H]`. `3I·H + 2H·H` parameters; there are no biases.
///
/// A [`Brc`] whose units modulate the feedback `a` of one another.
#[doc(alias = "nBRC")]
#[derive(Clone, Debug, Module)]
pub struct Nbrc<T> {
    /// `W_ih: [I, 3H]`
    pub w_ih: Param<T>,
    /// `W_hh_{a,z}: [H, 2H]`
    pub w_hh_az: Param<T>,
    /// The function of the gate `z`, by default `σ`.
    #[module(skip)]
    pub gate_activation: Activation<T>,
    /// The function of the candidate, by default `tanh`.
    #[module(skip)]
    pub candidate_activation: Activation<T>,
}

impl<T: Scalar> Brc<T> {
    /// Creates the cell. `W_ih` starts from [`Init::Xavier`](crate::Init::Xavier), separately for each part. `w_hh` is 1,
    /// as in the authors' program.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        let mut ones = || Param::new(Init::Constant(1.0).tensor(rng, [hidden_size]));
        let [w_hh_a, w_hh_z] = [ones(), ones()];
        Self {
            w_ih: input_weight(rng, 3, [input_size, hidden_size]),
            w_hh_a,
            w_hh_z,
            gate_activation: Activation::Sigmoid,
            candidate_activation: Activation::Tanh,
        }
    }

    gate_activations!();

    init_options! {
        input_init: "`W_ih`, separately for each part", |cell| [(&mut cell.w_ih, 3)];
        recurrent_init: "`w_hh_a` and `w_hh_z`", |cell| {
            [(&mut cell.w_hh_a, 1), (&mut cell.w_hh_z, 1)]
        };
    }
}

impl<T: Scalar> Nbrc<T> {
    /// Creates the cell. `W_ih` starts from [`Init::Xavier`](crate::Init::Xavier) and `W_hh` orthogonal, separately for
    /// each part.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        Self {
            w_ih: input_weight(rng, 3, [input_size, hidden_size]),
            w_hh_az: recurrent_weight(rng, 2, [hidden_size, hidden_size]),
            gate_activation: Activation::Sigmoid,
            candidate_activation: Activation::Tanh,
        }
    }

    gate_activations!();

    init_options! {
        input_init: "`W_ih`, separately for each part", |cell| [(&mut cell.w_ih, 3)];
        recurrent_init: "`W_hh`, separately for `a` and `z`", |cell| [(&mut cell.w_hh_az, 2)];
    }
}

/// Implements the step of a cell. `$recurrent` is the recurrent part of the net inputs of `a` and `z`, from the
/// state that is read.
macro_rules! bistable_step {
    ($cell:ident, |$self:ident, $read:ident| $recurrent:expr) => {
        step_without_noise!($cell, Var<'t, T>);

        impl<T: Scalar> NoisyCell<T> for $cell<T> {
            fn noisy_step<'t>(
                &self,
                x: Var<'t, T>,
                h: Var<'t, T>,
                noise: &Noise<'_, T>,
            ) -> (Var<'t, T>, Var<'t, T>) {
                let [x_a, x_z, x_n] = x.matmul(&self.w_ih).split(-1);
                let ($self, $read) = (self, noise.read(0, h));
                let [h_a, h_z] = $recurrent;
                let a = (1.0 + (x_a + h_a).tanh()).probe("a");
                let z = self.gate_activation.apply(x_z + h_z).probe("z");
                let n = self.candidate_activation.apply(x_n + a * $read).probe("n");
                let h = (z * h + (1.0 - z) * noise.written(0, n)).probe("h");
                (h, h)
            }
        }
    };
}

bistable_step!(Brc, |cell, h| [h * &cell.w_hh_a, h * &cell.w_hh_z]);

bistable_step!(Nbrc, |cell, h| h.matmul(&cell.w_hh_az).split(-1));

impl<T> StateSizes for Brc<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_hh_a.shape()[0]]
    }
}

impl<T> StateSizes for Nbrc<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_hh_az.shape()[0]]
    }
}
