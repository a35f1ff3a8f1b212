//! The selective state space whose heads decay as one.

use bptt_autodiff::{Param, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use super::heads::{columns, flat, head_size, matrices, of_steps, rows, steps};
use super::parameters::input_weight;
use super::selective_decay::SelectiveDecay;
use crate::core::cell::{Cell, StateSizes};
use crate::core::module::Module;
use crate::core::options::init_options;
use crate::sequence::chunkwise::{ChunkwiseCell, Weights};

/// The selective state space of Mamba-2 (Dao and Gu 2024), of `E` heads with `P = H/E` channels of `N` numbers:
///
/// ```text
/// u = x W_ih
/// B = x W_iB
/// C = x W_iC
/// S = α S₋ + (Δ u)ᵀ B
/// y = C Sᵀ + d u
/// ```
///
/// `x: [B, I]`, `W_ih: [I, H]`, `W_iB`, `W_iC: [I, N]`. `Δ` and `α` are numbers of each head, from a [`SelectiveDecay`], and
/// so is `d: [E]`. Products are those of each head: `u: [B, E, 1, P]`, `S: [B, E, P, N]`; all heads have the same `B` and `C`.
/// The state is `S: [B, H·N]`; the output is `y: [B, H]`. `I·H + 2I·N + I·E + 3E` parameters.
///
/// A [`SelectiveScan`](crate::SelectiveScan) whose channels and numbers decay alike within a head. The block of the paper has a convolution, a
/// gate and a norm around it. [`chunkwise`](ChunkwiseCell::chunkwise) makes many steps at once.
#[doc(alias = "Mamba2")]
#[derive(Clone, Debug, Module)]
pub struct MultiHeadSelectiveScan<T> {
    /// `W_ih: [I, H]`
    pub w_ih: Param<T>,
    /// `W_iB: [I, N]`
    pub w_ib: Param<T>,
    /// `W_iC: [I, N]`
    pub w_ic: Param<T>,
    /// Gives `Δ` and `α`.
    pub decay: SelectiveDecay<T>,
    /// `d: [E]`
    pub d: Param<T>,
}

impl<T: Scalar> MultiHeadSelectiveScan<T> {
    /// Creates a cell with `heads` heads, and `state_size` numbers for each of its `hidden_size` channels. Weights start
    /// from [`Init::Xavier`](crate::Init::Xavier); `d` is 1.
    ///
    /// # Panics
    ///
    /// If the hidden size is not a multiple of the number of heads.
    #[track_caller]
    #[must_use]
    pub fn new(
        rng: &mut impl Rng,
        input_size: usize,
        hidden_size: usize,
        heads: usize,
        state_size: usize,
    ) -> Self {
        let _ = head_size(hidden_size, heads);
        Self {
            w_ih: input_weight(rng, 1, [input_size, hidden_size]),
            w_ib: input_weight(rng, 1, [input_size, state_size]),
            w_ic: input_weight(rng, 1, [input_size, state_size]),
            decay: SelectiveDecay::new(rng, input_size, heads),
            d: Param::new(Tensor::ones([heads])),
        }
    }

    init_options! {
        input_init: "`W_ih`, `W_iB` and `W_iC`", |cell| {
            [(&mut cell.w_ih, 1), (&mut cell.w_ib, 1), (&mut cell.w_ic, 1)]
        };
    }
}

impl<T: Scalar> Cell<T> for MultiHeadSelectiveScan<T> {
    type State<'t> = Var<'t, T>;

    fn step<'t>(&self, x: Var<'t, T>, s: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let (heads, size) = (self.d.shape()[0], self.w_ib.shape()[1]);
        let batch = x.shape()[0];
        let u = x.matmul(&self.w_ih);
        let (b, c) = (x.matmul(&self.w_ib).probe("B"), x.matmul(&self.w_ic).probe("C"));
        let [b, c] = [b, c].map(|z| z.reshape([batch, 1, 1, size]));
        let (delta, alpha) = self.decay.forward(x);
        let [delta, alpha] =
            [delta.probe("delta"), alpha.probe("alpha")].map(|z| columns(z, heads));
        let written = delta * columns(u, heads) * b;
        let s = alpha * matrices(s, [heads, u.shape()[1] / heads, size]) + written;
        let d = x.tape().param(&self.d).reshape([heads, 1, 1]);
        let y = flat((s * c).sum_keep(&[-1])) + flat(rows(u, heads) * d);
        (y.probe("y"), flat(s))
    }
}

impl<T: Scalar> ChunkwiseCell<T> for MultiHeadSelectiveScan<T> {
    /// Keys of few numbers make the products within a chunk cheap, so a long chunk is best.
    fn chunk_size(&self) -> usize {
        64
    }

    fn chunk<'t>(&self, xs: Var<'t, T>, s: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let (heads, size) = (self.d.shape()[0], self.w_ib.shape()[1]);
        let u = steps(xs.matmul(&self.w_ih), heads);
        let of_all_heads = [xs.shape()[1], heads, xs.shape()[0], size];
        let [b, c] =
            [&self.w_ib, &self.w_ic].map(|w| steps(xs.matmul(w), 1).broadcast_to(of_all_heads));
        let (delta, logarithm) = self.decay.step_and_logarithm(xs);
        // the memory of a head is Sᵀ, where B is the key
        let memory = matrices(s, [heads, u.shape()[3], size]).transpose(-1, -2);
        let weights = Weights::of_decays(steps(logarithm, heads));
        let (read, memory) = weights.attend([c, b, steps(delta, heads) * u], memory);
        let d = xs.tape().param(&self.d).reshape([heads, 1, 1]);
        (of_steps(read + u * d), flat(memory.transpose(-1, -2)))
    }
}

impl<T> StateSizes for MultiHeadSelectiveScan<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_ih.shape()[1] * self.w_ib.shape()[1]]
    }
}
