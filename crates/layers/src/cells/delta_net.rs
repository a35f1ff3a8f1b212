//! The delta rule as a recurrence: a memory that corrects what it stores.

use bptt_autodiff::{Param, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use super::heads::{
    chunk_size, columns, flat, head_size, matrices, of_steps, rows, steps, unit_rows,
};
use super::parameters::input_weight;
use super::selective_decay::SelectiveDecay;
use crate::activation::Activation;
use crate::core::cell::{Cell, StateSizes};
use crate::core::module::Module;
use crate::core::options::init_options;
use crate::sequence::chunkwise::{ChunkwiseCell, Weights};
use crate::sequence::triangular::solved;

/// The delta rule network or `DeltaNet` (Schlag, Irie and Schmidhuber 2021; Yang et al. 2024), optionally gated (Yang, Kautz and Hatamizadeh 2025), of
/// `E` heads of `D = H/E` features:
///
/// ```text
/// q = unit(silu(x W_ih_q))
/// k = unit(silu(x W_ih_k))
/// v = x W_ih_v
/// β = σ(x W_iβ), a number for each head
/// S' = S₋                    or, gated, S' = α S₋
/// S = S' + kᵀ (β (v − k S'))
/// h = q S
/// ```
///
/// `x: [B, I]`, `W_ih: [I, 3H]` with the columns of `q`, `k`, `v` concatenated, `W_iβ: [I, E]`; `unit(a) = a / √(Σ a² + 1e-6)` has norm 1.
/// Products are those of each head: `q`, `k`, `v: [B, E, 1, D]`, `S: [B, E, D, D]`. `α: [B, E]` is a [`SelectiveDecay`].
/// The state is `S: [B, H·D]`; the output is `h: [B, H]`. `3I·H + I·E` parameters, and `I·E + 2E` for the gate.
///
/// The memory reads what it has stored under the key, `k S'`, and moves it towards `v` by the share `β`: a step of
/// gradient descent on `½ |v − k S|²`. The papers put a short convolution below and a norm above. Schlag et al. have
/// another map in place of `unit(silu(…))`. [`chunkwise`](ChunkwiseCell::chunkwise) makes many steps at once.
#[doc(alias = "fast weights")]
#[derive(Clone, Debug, Module)]
pub struct DeltaNet<T> {
    /// `W_ih: [I, 3H]`
    pub w_ih: Param<T>,
    /// `W_iβ: [I, E]`
    pub w_i_beta: Param<T>,
    /// Gives `α`, if the cell is gated.
    pub decay: Option<SelectiveDecay<T>>,
}

impl<T: Scalar> DeltaNet<T> {
    /// Creates a cell with this number of heads, without a gate. The weights start from
    /// [`Init::Xavier`](crate::Init::Xavier), separately for each part.
    ///
    /// # Panics
    ///
    /// If the hidden size is not a multiple of the number of heads.
    #[track_caller]
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize, heads: usize) -> Self {
        let _ = head_size(hidden_size, heads);
        Self {
            w_ih: input_weight(rng, 3, [input_size, hidden_size]),
            w_i_beta: input_weight(rng, 1, [input_size, heads]),
            decay: None,
        }
    }

    /// Creates a gated cell.
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new).
    #[track_caller]
    #[must_use]
    pub fn gated(rng: &mut impl Rng, input_size: usize, hidden_size: usize, heads: usize) -> Self {
        let cell = Self::new(rng, input_size, hidden_size, heads);
        Self { decay: Some(SelectiveDecay::new(rng, input_size, heads)), ..cell }
    }

    init_options! {
        input_init: "`W_ih` and `W_iβ`, separately for each part", |cell| {
            [(&mut cell.w_ih, 3), (&mut cell.w_i_beta, 1)]
        };
    }
}

impl<T> DeltaNet<T> {
    /// Returns the number of heads, and the size of each.
    fn heads(&self) -> [usize; 2] {
        let heads = self.w_i_beta.shape()[1];
        [heads, self.w_ih.shape()[1] / 3 / heads]
    }
}

impl<T: Scalar> DeltaNet<T> {
    /// Returns `q`, `k` and `v`, split into heads by `of_heads`.
    fn parts<'t>(
        &self,
        x: Var<'t, T>,
        of_heads: impl Fn(Var<'t, T>) -> Var<'t, T>,
    ) -> [Var<'t, T>; 3] {
        let [q, k, v] = x.matmul(&self.w_ih).split(-1);
        let [q, k] = [q, k].map(|z| unit_rows(of_heads(Activation::Silu.apply(z))));
        [q, k, of_heads(v)]
    }
}

impl<T: Scalar> Cell<T> for DeltaNet<T> {
    type State<'t> = Var<'t, T>;

    fn step<'t>(&self, x: Var<'t, T>, s: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let [heads, size] = self.heads();
        let [q, k, v] = self.parts(x, |z| rows(z, heads));
        let beta = x.matmul(&self.w_i_beta).sigmoid().probe("beta");
        let mut s = matrices(s, [heads, size, size]);
        if let Some(decay) = &self.decay {
            let (_step, alpha) = decay.forward(x);
            s = columns(alpha.probe("alpha"), heads) * s;
        }
        let correction = columns(beta, heads) * (v - k.matmul(s));
        let s = s + k.t_matmul(correction);
        let h = flat(q.matmul(s)).probe("h");
        (h, flat(s))
    }
}

/// The corrections `u` of a chunk solve a triangular system,
/// `u_t = β_t (v_t − ω_t k_t S_0 − Σ_{j<t} ω_tj (k_t k_jᵀ) u_j)`, with what is left by the decay, `ω`.
impl<T: Scalar> ChunkwiseCell<T> for DeltaNet<T> {
    fn chunk_size(&self) -> usize {
        chunk_size(self.heads()[1])
    }

    fn chunk<'t>(&self, xs: Var<'t, T>, s: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let [heads, size] = self.heads();
        let [q, k, v] = self.parts(xs, |z| steps(z, heads));
        let beta = steps(xs.matmul(&self.w_i_beta).sigmoid(), heads);
        let s = matrices(s, [heads, size, size]);
        let weights = Weights::of_decays(match &self.decay {
            Some(decay) => steps(decay.step_and_logarithm(xs).1, heads),
            None => xs.tape().constant(Tensor::zeros([xs.shape()[0], 1])),
        });
        let target = beta * (v - weights.of_start * k.matmul(s));
        let overlaps = beta * k.matmul_t(k) * weights.within;
        let corrections = solved(overlaps, target);
        let (h, s) = weights.attend([q, k, corrections], s);
        (of_steps(h), flat(s))
    }
}

impl<T> StateSizes for DeltaNet<T> {
    fn state_sizes(&self) -> Vec<usize> {
        let [heads, size] = self.heads();
        vec![heads * size * size]
    }
}
