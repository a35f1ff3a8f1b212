//! Long short-term memory without a forget gate.

use bptt_autodiff::{Param, Var};
use bptt_tensor::Scalar;
use rand::Rng;

use super::{input_weight, recurrent_weight, without_bias, zeros};
use crate::linear::biased;
use crate::{Cell, Module, StateSizes};

/// The LSTM of 1997, reduced to what later texts keep of it (Hochreiter and Schmidhuber 1997):
///
/// ```text
/// z    = tanh(x W_z + h₋ R_z + b_z)
/// i, o = σ(x W_{i,o} + h₋ R_{i,o} + b_{i,o})
/// c = c₋ + z ⊙ i
/// h = tanh(c) ⊙ o
/// ```
///
/// `x: [B, I]`, `W: [I, 3H]`, `R: [H, 3H]`, `b: [3H]`, with the columns of `z`, `i`, `o` side by side.
/// The state is `(h, c)`, each `[B, H]`; the output is `h`. `3(I·H + H·H + H)` parameters.
///
/// The cell `c` feeds back to itself with the fixed weight 1, the *constant error carousel*: what
/// arrives at it flows back through time unchanged. Nothing ever leaves it, so on an endless stream
/// it grows until `tanh(c)` saturates; the forget gate of [`Lstm`](crate::Lstm) was added for that, and
/// with one fixed at 1 that cell is this one. [`MemoryBlocks`](crate::MemoryBlocks) is the network as
/// published.
#[derive(Clone, Debug, Module)]
pub struct Lstm1997<T> {
    /// `W: [I, 3H]`
    pub w: Param<T>,
    /// `R: [H, 3H]`
    pub r: Param<T>,
    /// `b: [3H]`, if there are biases.
    pub b: Option<Param<T>>,
}

impl<T: Scalar> Lstm1997<T> {
    /// `W` starts from [`Init::Xavier`](crate::Init::Xavier) and `R` orthogonal, each gate's part on its
    /// own; the biases are zero.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        Self {
            w: input_weight(rng, 3, [input_size, hidden_size]),
            r: recurrent_weight(rng, 3, [hidden_size, hidden_size]),
            b: Some(zeros([3 * hidden_size])),
        }
    }

    without_bias!();
}

impl<T: Scalar> Cell<T> for Lstm1997<T> {
    type State<'t> = (Var<'t, T>, Var<'t, T>);

    fn step<'t>(&self, x: Var<'t, T>, (h, c): Self::State<'t>) -> (Var<'t, T>, Self::State<'t>) {
        let [z, i, o] = biased(x.matmul(&self.w) + h.matmul(&self.r), self.b.as_ref()).split();
        let c = c + z.tanh() * i.sigmoid();
        let h = c.tanh() * o.sigmoid();
        (h, (h, c))
    }
}

impl<T: Scalar> StateSizes for Lstm1997<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.r.shape()[0]; 2]
    }
}
