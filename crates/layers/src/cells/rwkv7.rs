//! The recurrence of RWKV-7: a delta rule with a decay and a rate for each feature.

use bptt_autodiff::{Param, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use super::heads::{columns, flat, head_size, matrices, rows, unit_rows};
use super::parameters::{input_weight, zeros};
use crate::core::cell::{Cell, StateSizes};
use crate::core::module::Module;
use crate::core::options::init_options;

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
/// a norm, a term `(r (ρ ⊙ k')ᵀ) v` and a gate above.
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

impl<T: Scalar> Cell<T> for Rwkv7<T> {
    type State<'t> = Var<'t, T>;

    fn step<'t>(&self, x: Var<'t, T>, s: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let heads = self.heads;
        let [r, w, k, v, a] = (x.matmul(&self.w_ih) + &self.b).split(-1);
        let w = (w.sigmoid() * -(-0.5_f64).exp()).exp().probe("w");
        let a = a.sigmoid().probe("a");
        let kappa = unit_rows(rows(k * &self.xi, heads));
        let k = k * (1.0 + (a - 1.0) * &self.alpha);
        let [r, w, k, a] = [r, w, k, a].map(|z| rows(z, heads));
        let size = r.shape()[3];
        let s = matrices(s, [heads, size, size]);
        let s = s * w - s.matmul_t(kappa) * (a * kappa) + columns(v, heads) * k;
        let h = flat(s.matmul_t(r)).probe("h");
        (h, flat(s))
    }
}

impl<T> StateSizes for Rwkv7<T> {
    fn state_sizes(&self) -> Vec<usize> {
        let hidden_size = self.xi.shape()[0];
        vec![hidden_size * hidden_size / self.heads]
    }
}
