//! The recurrence of RWKV-7: a delta rule with a decay and a rate for each feature.

use bptt_autodiff::{Param, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use super::heads::{columns, flat, head_size, matrices, of_steps, rows, steps, unit_rows};
use super::parameters::{input_weight, zeros};
use crate::core::cell::{Cell, StateSizes};
use crate::core::module::Module;
use crate::core::options::init_options;
use crate::sequence::chunkwise::{ChunkwiseCell, triangle};
use crate::sequence::triangular::solved;

/// The recurrence of RWKV-7 (Peng et al. 2025), of `E` heads of `D = H/E` features:
///
/// ```text
/// r, w̃, k, v, ã = x W_ih + b
/// w = exp(−exp(−½) σ(w̃))
/// a = σ(ã)
/// κ = unit(ξ ⊙ k)
/// k' = k ⊙ (1 + (a − 1) ⊙ α)
/// S = S₋ diag(w) − (S₋ κᵀ) (a ⊙ κ) + vᵀ k'
/// h = r Sᵀ
/// ```
///
/// `x: [B, I]`, `W_ih: [I, 5H]` and `b: [5H]` with the columns of `r`, `w`, `k`, `v`, `a` concatenated; `ξ`, `α: [H]`;
/// `unit` divides by the norm, `√(Σ κ² + 1e-6)`. Products are those of each head: rows `[B, E, 1, D]`, `S: [B, E, D, D]`. The state is
/// `S: [B, H·D]`; the output is `h: [B, H]`. `5(I·H + H) + 2H` parameters.
///
/// Under the key `κ`, the share `a` of each feature is removed, and `v` is stored under `k'`. Each feature of the keys has a
/// decay `w`. The paper makes `w` and `a` of the input by maps of a low rank, mixes each input with the one before, and puts
/// a norm, a term `(r (ρ ⊙ k')ᵀ) v` and a gate above. [`chunkwise`](ChunkwiseCell::chunkwise) makes many steps at once.
#[doc(alias = "RWKV")]
#[derive(Clone, Debug, Module)]
pub struct Rwkv7<T> {
    /// `W_ih: [I, 5H]`
    pub w_ih: Param<T>,
    /// `b: [5H]`
    pub b: Param<T>,
    /// `ξ: [H]`
    pub xi: Param<T>,
    /// `α: [H]`
    pub alpha: Param<T>,
    #[module(skip)]
    heads: usize,
}

impl<T: Scalar> Rwkv7<T> {
    /// Creates a cell with this number of heads. `W_ih` starts from [`Init::Xavier`](crate::Init::Xavier), separately for
    /// each part. `b` is zero, `ξ` and `α` are 1.
    ///
    /// # Panics
    ///
    /// If the hidden size is not a multiple of the number of heads.
    #[track_caller]
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize, heads: usize) -> Self {
        let _ = head_size(hidden_size, heads);
        Self {
            w_ih: input_weight(rng, 5, [input_size, hidden_size]),
            b: zeros([5 * hidden_size]),
            xi: Param::new(Tensor::ones([hidden_size])),
            alpha: Param::new(Tensor::ones([hidden_size])),
            heads,
        }
    }

    init_options! {
        input_init: "`W_ih`, separately for each part", |cell| [(&mut cell.w_ih, 5)];
        bias_init: "the biases", |cell| [(&mut cell.b, 1)];
    }
}

/// What the input gives to a step, or to each of several, each `[.., H]`.
struct Parts<'t, T> {
    r: Var<'t, T>,
    /// `ln w`
    decay: Var<'t, T>,
    /// `k'`
    k: Var<'t, T>,
    v: Var<'t, T>,
    a: Var<'t, T>,
    /// `ξ ⊙ k`
    kappa: Var<'t, T>,
}

impl<T: Scalar> Rwkv7<T> {
    fn parts<'t>(&self, x: Var<'t, T>) -> Parts<'t, T> {
        let [r, w, k, v, a] = (x.matmul(&self.w_ih) + &self.b).split(-1);
        let decay = w.sigmoid() * -(-0.5_f64).exp();
        let a = a.sigmoid();
        let kappa = k * &self.xi;
        Parts { r, decay, k: k * (1.0 + (a - 1.0) * &self.alpha), v, a, kappa }
    }
}

impl<T: Scalar> Cell<T> for Rwkv7<T> {
    type State<'t> = Var<'t, T>;

    fn step<'t>(&self, x: Var<'t, T>, s: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let heads = self.heads;
        let Parts { r, decay, k, v, a, kappa } = self.parts(x);
        let (w, a) = (decay.exp().probe("w"), a.probe("a"));
        let [r, w, k, a, kappa] = [r, w, k, a, kappa].map(|z| rows(z, heads));
        let kappa = unit_rows(kappa);
        let size = r.shape()[3];
        let s = matrices(s, [heads, size, size]);
        let s = s * w - s.matmul_t(kappa) * (a * kappa) + columns(v, heads) * k;
        let h = flat(s.matmul_t(r)).probe("h");
        (h, flat(s))
    }
}

/// The most steps of a chunk. The decays of a chunk divide its keys, by `exp(−exp(−½) 64) ≈ 1e-17` at the least. In
/// single precision, products of the quotients are far from overflow.
const MOST_STEPS: usize = 64;

/// The decays of a chunk are multiplied: `W_t = Π_{l≤t} w_l`. What the memory has under the keys, `z_t = κ_t S_{t−1}ᵀ`,
/// solves a triangular system:
///
/// ```text
/// κ̄_t = κ_t ⊙ W_{t−1}
/// r̄_t = r_t ⊙ W_t
/// ā_j = (a_j ⊙ κ_j) / W_j
/// k̄_j = k'_j / W_j
/// z_t = κ̄_t S_0ᵀ + Σ_{j<t} ((κ̄_t k̄_jᵀ) v_j − (κ̄_t ā_jᵀ) z_j)
/// h_t = r̄_t S_0ᵀ + Σ_{j≤t} ((r̄_t k̄_jᵀ) v_j − (r̄_t ā_jᵀ) z_j)
/// S_t = (S_0 + Σ_{j≤t} (v_jᵀ k̄_j − z_jᵀ ā_j)) diag(W_t)
/// ```
///
/// (Yang et al. 2024 without decay; Peng et al. 2025.) `w ≥ exp(−exp(−½))`, so the quotients are finite.
impl<T: Scalar> ChunkwiseCell<T> for Rwkv7<T> {
    /// The matrices within a chunk are `[2C, 2C]`, so few steps are best, whatever the size of a head.
    fn chunk_size(&self) -> usize {
        16
    }

    /// # Panics
    ///
    /// For more than 64 steps, whose decays could underflow.
    #[track_caller]
    fn chunk<'t>(&self, xs: Var<'t, T>, s: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let (heads, count) = (self.heads, xs.shape()[0]);
        assert!(
            count <= MOST_STEPS,
            "Rwkv7: a chunk has at most {MOST_STEPS} steps, not {count}, since the decays of more could underflow"
        );
        let Parts { r, decay, k, v, a, kappa } = self.parts(xs);
        let [r, decay, k, v, a, kappa] = [r, decay, k, v, a, kappa].map(|z| steps(z, heads));
        let (kappa, size) = (unit_rows(kappa), r.shape()[3]);
        let s = matrices(s, [heads, size, size]);

        let until_now = decay.cumsum(-2);
        let queries = [r * until_now.exp(), kappa * (until_now - decay).exp()];
        let queries = Var::concat(&queries, -2); // [2C, D]: those of h, then those of z
        let inverse = (-until_now).exp();
        let keys = Var::concat(&[k * inverse, a * kappa * inverse], -2); // those of v, then of −z
        let weights = queries.matmul_t(keys);
        let is_stored = |t, j| if t < count { j % count <= t } else { j % count < t - count };
        let weights = triangle(weights, is_stored).select(weights, 0.0);
        let of_start = queries.matmul_t(s);

        let [of_h, of_z] = [0..count, count..2 * count];
        let part = weights.slice(-2, of_z.clone());
        let target = of_start.slice(-2, of_z.clone()) + part.slice(-1, of_h.clone()).matmul(v);
        let z = solved(part.slice(-1, of_z), target);
        let stored = Var::concat(&[v, -z], -2);
        let h = of_start.slice(-2, of_h.clone()) + weights.slice(-2, of_h).matmul(stored);
        let until_end = until_now.slice(-2, count - 1..count).exp();
        (of_steps(h), flat(s * until_end + stored.t_matmul(keys * until_end)))
    }
}

impl<T> StateSizes for Rwkv7<T> {
    fn state_sizes(&self) -> Vec<usize> {
        let hidden_size = self.xi.shape()[0];
        vec![hidden_size * hidden_size / self.heads]
    }
}
