//! Long short-term memory whose gates do not read the state.

use bptt_autodiff::{Param, Var};
use bptt_tensor::Scalar;
use rand::Rng;

use super::{input_weight, without_bias, zeros};
use crate::linear::biased;
use crate::{Cell, LinearCell, Module, StateSizes};

/// The minLSTM (Feng et al. 2024):
///
/// ```text
/// f, i = σ(x W_{f,i} + b_{f,i})
/// h̃ = x W_h + b_h
/// h = f/(f + i) ⊙ h₋ + i/(f + i) ⊙ h̃
/// ```
///
/// `x: [B, I]`, `W: [I, 3H]` with the columns of `f`, `i`, `h̃` side by side, `b: [3H]`. The state and the
/// output are `h: [B, H]`. `3(I·H + H)` parameters.
///
/// Gates read the input alone, so the recurrence is linear in the state, and a [`scan`](crate::scan) keeps
/// one multiplication and addition in the loop. [`parallel`](LinearCell::parallel) does without the loop.
#[derive(Clone, Debug, Module)]
pub struct MinLstm<T> {
    /// `W: [I, 3H]`
    pub w: Param<T>,
    /// `b: [3H]`, if there are biases.
    pub b: Option<Param<T>>,
}

impl<T: Scalar> MinLstm<T> {
    /// `W` starts from [`Init::Xavier`](crate::Init::Xavier), each part on its own; the biases are zero.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        Self {
            w: input_weight(rng, 3, [input_size, hidden_size]),
            b: Some(zeros([3 * hidden_size])),
        }
    }

    without_bias!();
}

impl<T: Scalar> LinearCell<T> for MinLstm<T> {
    /// `f/(f + i)` and `i/(f + i) ⊙ h̃`, for one step or all of them.
    ///
    /// With net inputs `a_f` and `a_i`, `f/(f + i) = σ(ln f − ln i)`, and `ln σ(a) = −softplus(−a)`: gates
    /// that are both closed do not divide 0 by 0.
    fn coefficients<'t>(&self, x: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let [f, i, candidate] = biased(x.matmul(&self.w), self.b.as_ref()).split();
        let balance = (-i).softplus() - (-f).softplus();
        (balance.sigmoid(), (-balance).sigmoid() * candidate)
    }
}

impl<T: Scalar> Cell<T> for MinLstm<T> {
    type State<'t> = Var<'t, T>;

    fn step<'t>(&self, x: Var<'t, T>, h: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let (keep, new) = self.coefficients(x);
        let h = keep * h + new;
        (h, h)
    }
}

impl<T: Scalar> StateSizes for MinLstm<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w.shape()[1] / 3]
    }
}
