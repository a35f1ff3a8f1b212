//! Linear attention as a recurrence.

use bptt_autodiff::{Param, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use super::heads::{
    chunk_size, columns, flat, head_size, matrices, of_steps, rows, steps, with_ones,
};
use super::parameters::input_weight;
use crate::core::cell::{Cell, StateSizes};
use crate::core::module::Module;
use crate::core::options::init_options;
use crate::sequence::chunkwise::{ChunkwiseCell, Weights};

/// Causal linear attention (Katharopoulos, Vyas, Pappas and Fleuret 2020), of `E` heads of `D = H/E` features:
///
/// ```text
/// q = φ(x W_ih_q)
/// k = φ(x W_ih_k)
/// v = x W_ih_v
/// S = S₋ + kᵀ v
/// z = z₋ + k
/// h = (q S) / (q zᵀ)
/// φ(a) = elu(a) + 1
/// ```
///
/// `x: [B, I]`, `W_ih: [I, 3H]` with the columns of `q`, `k`, `v` concatenated. Products are those of each head: `q`, `k`,
/// `v`, `z: [B, E, 1, D]`, `S: [B, E, D, D]`. The state is `(S, z)`, `[B, H·D]` and `[B, H]`; the output is `h: [B, H]`.
/// `3I·H` parameters.
///
/// `h_t` is the mean of the values `v_j`, `j ≤ t`, with the weights `q_t k_jᵀ`: attention over all steps so far, whose
/// similarity is a product of positive features rather than its exponential. A step costs the same however many there
/// were before. [`chunkwise`](ChunkwiseCell::chunkwise) makes many steps at once.
#[derive(Clone, Debug, Module)]
pub struct LinearAttention<T> {
    /// `W_ih: [I, 3H]`
    pub w_ih: Param<T>,
    #[module(skip)]
    heads: usize,
}

impl<T: Scalar> LinearAttention<T> {
    /// Creates a cell with this number of heads. `W_ih` starts from [`Init::Xavier`](crate::Init::Xavier), separately for
    /// each part.
    ///
    /// # Panics
    ///
    /// If the hidden size is not a multiple of the number of heads.
    #[track_caller]
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize, heads: usize) -> Self {
        let _ = head_size(hidden_size, heads);
        Self { w_ih: input_weight(rng, 3, [input_size, hidden_size]), heads }
    }

    init_options! {
        input_init: "`W_ih`, separately for each part", |cell| [(&mut cell.w_ih, 3)];
    }
}

/// Returns `elu(a) + 1`.
fn feature<T: Scalar>(a: Var<'_, T>) -> Var<'_, T> {
    a.ge(0.0).select(a + 1.0, a.exp())
}

impl<T: Scalar> LinearAttention<T> {
    /// Returns `q`, `k` and `v`, each `[.., H]`.
    fn parts<'t>(&self, x: Var<'t, T>) -> [Var<'t, T>; 3] {
        let [q, k, v] = x.matmul(&self.w_ih).split(-1);
        [feature(q), feature(k), v]
    }
}

impl<T: Scalar> Cell<T> for LinearAttention<T> {
    type State<'t> = (Var<'t, T>, Var<'t, T>);

    fn step<'t>(&self, x: Var<'t, T>, (s, z): Self::State<'t>) -> (Var<'t, T>, Self::State<'t>) {
        let [q, k, v] = self.parts(x).map(|part| rows(part, self.heads));
        let size = q.shape()[3];
        let s = matrices(s, [self.heads, size, size]) + k.t_matmul(v);
        let z = rows(z, self.heads) + k;
        let h = flat(q.matmul(s) / (q * z).sum_keep(&[-1])).probe("h");
        (h, (flat(s), flat(z)))
    }
}

impl<T: Scalar> ChunkwiseCell<T> for LinearAttention<T> {
    fn chunk_size(&self) -> usize {
        chunk_size(self.w_ih.shape()[1] / 3 / self.heads)
    }

    fn chunk<'t>(&self, xs: Var<'t, T>, (s, z): Self::State<'t>) -> (Var<'t, T>, Self::State<'t>) {
        let [q, k, v] = self.parts(xs).map(|part| steps(part, self.heads));
        let size = q.shape()[3];
        // zᵀ is a column of the memory, which stores ones
        let memory = matrices(s, [self.heads, size, size]);
        let memory = Var::concat(&[memory, columns(z, self.heads)], -1);
        let undecayed = xs.tape().constant(Tensor::zeros([xs.shape()[0], 1]));
        let (y, memory) = Weights::of_decays(undecayed).attend([q, k, with_ones(v)], memory);
        let h = y.slice(-1, 0..size) / y.slice(-1, size..size + 1);
        let (s, z) = (memory.slice(-1, 0..size), memory.slice(-1, size..size + 1));
        (of_steps(h), (flat(s), flat(z)))
    }
}

impl<T> StateSizes for LinearAttention<T> {
    fn state_sizes(&self) -> Vec<usize> {
        let hidden_size = self.w_ih.shape()[1] / 3;
        vec![hidden_size * hidden_size / self.heads, hidden_size]
    }
}
