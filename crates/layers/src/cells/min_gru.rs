//! The gated unit whose gate does not read the state.

use bptt_autodiff::{Param, Var};
use bptt_tensor::Scalar;
use rand::Rng;

use super::{input_weight, without_bias, zeros};
use crate::linear::biased;
use crate::{Cell, LinearCell, Module, StateSizes};

/// The minGRU (Feng et al. 2024):
///
/// ```text
/// z = σ(x W_z + b_z)
/// h̃ = x W_h + b_h
/// h = (1 − z) ⊙ h₋ + z ⊙ h̃
/// ```
///
/// `x: [B, I]`, `W: [I, 2H]` with the columns of `z`, `h̃` side by side, `b: [2H]`. The state and the output
/// are `h: [B, H]`. `2(I·H + H)` parameters.
///
/// Gates read the input alone, so the recurrence is linear in the state, and a [`scan`](crate::scan) keeps
/// one multiplication and addition in the loop. [`parallel`](LinearCell::parallel) does without the loop.
#[derive(Clone, Debug, Module)]
pub struct MinGru<T> {
    /// `W: [I, 2H]`
    pub w: Param<T>,
    /// `b: [2H]`, if there are biases.
    pub b: Option<Param<T>>,
}

impl<T: Scalar> MinGru<T> {
    /// `W` starts from [`Init::Xavier`](crate::Init::Xavier), each part on its own; the biases are zero.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        Self {
            w: input_weight(rng, 2, [input_size, hidden_size]),
            b: Some(zeros([2 * hidden_size])),
        }
    }

    without_bias!();
}

impl<T: Scalar> LinearCell<T> for MinGru<T> {
    /// `1 − z` and `z ⊙ h̃`, for one step or all of them.
    fn coefficients<'t>(&self, x: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let [z, candidate] = biased(x.matmul(&self.w), self.b.as_ref()).split();
        let z = z.sigmoid();
        (1.0 - z, z * candidate)
    }
}

impl<T: Scalar> Cell<T> for MinGru<T> {
    type State<'t> = Var<'t, T>;

    fn step<'t>(&self, x: Var<'t, T>, h: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let (keep, new) = self.coefficients(x);
        let h = keep * h + new;
        (h, h)
    }
}

impl<T: Scalar> StateSizes for MinGru<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w.shape()[1] / 2]
    }
}
