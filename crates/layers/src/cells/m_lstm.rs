//! Long short-term memory with exponential gates and a matrix memory.

use bptt_autodiff::{Param, Var};
use bptt_tensor::Scalar;
use rand::Rng;

use super::heads::{
    chunk_size, columns, flat, head_size, matrices, of_steps, rows, steps, with_ones,
};
use super::options::{Gate, bias_options, part};
use super::parameters::{input_weight, zeros};
use crate::core::cell::{Cell, StateSizes};
use crate::core::module::Module;
use crate::core::options::init_options;
use crate::sequence::chunkwise::{ChunkwiseCell, Weights, until_now};

/// The matrix LSTM of the xLSTM or `mLSTM` (Beck et al. 2024), of `E` heads of `D = H/E` features:
///
/// ```text
/// q = x W_ih_q + b_q
/// k = x W_ih_k / √D + b_k
/// v = x W_ih_v + b_v
/// o = σ(x W_ih_o + b_o)
/// ĩ, f̃ = x W_ih_{i,f} + b_{i,f}, a number for each head
/// m = max(ln σ(f̃) + m₋, ĩ)
/// i = exp(ĩ − m)
/// f = exp(ln σ(f̃) + m₋ − m)
/// C = f C₋ + i vᵀ k
/// n = f n₋ + i k
/// h = o ⊙ (q Cᵀ) / max(|n qᵀ|, exp(−m))
/// ```
///
/// `x: [B, I]`, `W_ih: [I, 4H]` and `b: [4H]` with the columns of `q`, `k`, `v`, `o` concatenated, `W_ih_{i,f}: [I, 2E]`,
/// `b_{i,f}: [2E]`. Products and outer products are those of each head: `q`, `k`, `v`, `n: [B, E, 1, D]`,
/// `C: [B, E, D, D]`. The state is `(C, n, m)`, `[B, H·D]`, `[B, H]` and `[B, E]`; the output is `h: [B, H]`.
/// `4(I·H + H) + 2(I·E + E)` parameters.
///
/// `C` stores values `v` under keys `k`, and a query `q` reads them. No gate reads the state. `C` and `n` are scaled by
/// `exp(−m)`, which cancels in `h`, and keeps the exponentials finite. The forget gate is `σ`, as in the authors' program;
/// the paper allows `exp` as well. [`chunkwise`](ChunkwiseCell::chunkwise) makes many steps at once.
#[doc(alias = "xLSTM")]
#[derive(Clone, Debug, Module)]
pub struct MLstm<T> {
    /// `W_ih: [I, 4H]`
    pub w_ih: Param<T>,
    /// `W_ih_{i,f}: [I, 2E]`
    pub w_ih_if: Param<T>,
    /// `b: [4H]`
    pub b: Param<T>,
    /// `b_{i,f}: [2E]`
    pub b_if: Param<T>,
}

impl<T: Scalar> MLstm<T> {
    /// Creates a cell with this number of heads. `W_ih` starts from [`Init::Xavier`](crate::Init::Xavier), separately for
    /// each part. The biases are zero, except for those of the forget gates, which go from 3 to 6 over the heads.
    ///
    /// # Panics
    ///
    /// If the hidden size is not a multiple of the number of heads.
    #[track_caller]
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize, heads: usize) -> Self {
        let _ = head_size(hidden_size, heads);
        let last = (heads - 1).max(1) as f64;
        let forget: Vec<_> = (0..heads).map(|head| 3.0 + 3.0 * head as f64 / last).collect();
        Self {
            w_ih: input_weight(rng, 4, [input_size, hidden_size]),
            w_ih_if: input_weight(rng, 2, [input_size, heads]),
            b: zeros([4 * hidden_size]),
            b_if: zeros([2 * heads]),
        }
        .unit_biases(Gate::Forget, &forget)
    }

    init_options! {
        input_init: "`W_ih`, separately for each part", |cell| {
            [(&mut cell.w_ih, 4), (&mut cell.w_ih_if, 2)]
        };
        bias_init: "the biases", |cell| [(&mut cell.b, 1), (&mut cell.b_if, 1)];
    }

    bias_options!(|cell, gate| part(Some(&mut cell.b_if), &[Gate::Input, Gate::Forget], gate));
}

impl<T> MLstm<T> {
    /// Returns the number of heads, and the size of each.
    fn heads(&self) -> [usize; 2] {
        let heads = self.b_if.shape()[0] / 2;
        [heads, self.b.shape()[0] / 4 / heads]
    }
}

/// What the input gives to a step, or to each of several.
struct Parts<'t, T> {
    /// `q`, `k`, `v`, each `[.., H]`.
    qkv: [Var<'t, T>; 3],
    /// `[.., H]`
    o: Var<'t, T>,
    /// `ĩ: [.., E]`
    i: Var<'t, T>,
    /// `ln σ(f̃): [.., E]`
    kept: Var<'t, T>,
}

impl<T: Scalar> MLstm<T> {
    fn parts<'t>(&self, x: Var<'t, T>) -> Parts<'t, T> {
        let [_, size] = self.heads();
        let [q, k, v, o] = x.matmul(&self.w_ih).split(-1);
        let [b_q, b_k, b_v, b_o] = x.tape().param(&self.b).split(-1);
        let [i, f] = (x.matmul(&self.w_ih_if) + &self.b_if).split(-1);
        let k = k * (size as f64).sqrt().recip() + b_k;
        let kept = -(-f).softplus();
        Parts { qkv: [q + b_q, k, v + b_v], o: (o + b_o).sigmoid(), i, kept }
    }
}

impl<T: Scalar> Cell<T> for MLstm<T> {
    type State<'t> = (Var<'t, T>, Var<'t, T>, Var<'t, T>);

    fn step<'t>(&self, x: Var<'t, T>, (c, n, m): Self::State<'t>) -> (Var<'t, T>, Self::State<'t>) {
        let [heads, size] = self.heads();
        let Parts { qkv: [q, k, v], o, i, kept } = self.parts(x);
        let (q, k, v) = (rows(q, heads), rows(k, heads), columns(v, heads));
        let o = o.probe("o");

        let kept = m + kept;
        let m = kept.maximum(i).probe("m");
        let (i, f) = ((i - m).exp().probe("i"), (kept - m).exp().probe("f"));
        let [i, f, bound] = [i, f, (-m).exp()].map(|z| columns(z, heads));
        let c = f * matrices(c, [heads, size, size]) + i * (v * k);
        let n = f * rows(n, heads) + i * k;
        let norm = (n * q).sum_keep(&[-1]).abs().maximum(bound);
        let h = (o * flat(c.matmul_t(q) / norm)).probe("h");
        (h, (flat(c), flat(n), m))
    }
}

/// `m_t` is the largest logarithm of a weight at step `t`: of the candidates so far, and of the memory at the start.
impl<T: Scalar> ChunkwiseCell<T> for MLstm<T> {
    fn chunk_size(&self) -> usize {
        chunk_size(self.heads()[1])
    }

    fn chunk<'t>(
        &self,
        xs: Var<'t, T>,
        (c, n, m): Self::State<'t>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let [heads, size] = self.heads();
        let Parts { qkv, o, i, kept } = self.parts(xs);
        let [q, k, v] = qkv.map(|part| steps(part, heads));
        let kept = steps(kept, heads).cumsum(-2);
        let within = until_now(kept + (steps(i, heads) - kept).transpose(-1, -2));
        let of_start = kept + columns(m, heads);
        let m = within.max_keep(&[-1]).maximum(of_start);
        let weights = Weights { within: (within - m).exp(), of_start: (of_start - m).exp() };

        // the memory of a head is [Cᵀ, nᵀ], which stores v and ones
        let memory = matrices(c, [heads, size, size]).transpose(-1, -2);
        let memory = Var::concat(&[memory, columns(n, heads)], -1);
        let (y, memory) = weights.attend([q, k, with_ones(v)], memory);
        let norm = y.slice(-1, size..size + 1).abs().maximum((-m).exp());
        let h = o * of_steps(y.slice(-1, 0..size) / norm);
        let c = memory.slice(-1, 0..size).transpose(-1, -2);
        let m = m.slice(-2, xs.shape()[0] - 1..xs.shape()[0]);
        (h, (flat(c), flat(memory.slice(-1, size..size + 1)), flat(m)))
    }
}

impl<T> StateSizes for MLstm<T> {
    fn state_sizes(&self) -> Vec<usize> {
        let [heads, size] = self.heads();
        vec![heads * size * size, heads * size, heads]
    }
}
