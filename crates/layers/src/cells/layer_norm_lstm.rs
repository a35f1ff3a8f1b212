//! Long short-term memory whose net inputs are normalised.

use bptt_autodiff::{Param, Var};
use bptt_tensor::Scalar;
use rand::Rng;

use super::{Peepholes, fill_bias, input_weight, recurrent_weight, zeros};
use crate::{Cell, LayerNorm, Module, StateSizes};

/// The layer-normalised LSTM (Ba, Kiros and Hinton 2016), with peepholes if wanted:
///
/// ```text
/// i, f, c̃, o = N_x(x W) + N_h(h₋ U) + b
/// c = σ(f + p_f ⊙ c₋) ⊙ c₋ + σ(i + p_i ⊙ c₋) ⊙ tanh(c̃)
/// h = σ(o + p_o ⊙ c) ⊙ tanh(N_c(c))
/// ```
///
/// Each `N` is a [`LayerNorm`] of its own. `x: [B, I]`, `W: [I, 4H]`, `U: [H, 4H]`, `b: [4H]`, with the
/// columns of `i`, `f`, `c̃`, `o` side by side; the peepholes `p: [H]` are absent (zero) unless asked
/// for. The state is `(h, c)`, each `[B, H]`; the output is `h`. `4(I·H + H·H + H) + 18H` parameters,
/// and `3H` for peepholes.
#[derive(Clone, Debug, Module)]
pub struct LayerNormLstm<T> {
    /// `W: [I, 4H]`
    pub w: Param<T>,
    /// `U: [H, 4H]`
    pub u: Param<T>,
    /// `b: [4H]`
    pub b: Param<T>,
    /// `N_x`, over `4H` features.
    pub norm_x: LayerNorm<T>,
    /// `N_h`, over `4H` features.
    pub norm_h: LayerNorm<T>,
    /// `N_c`, over `H` features.
    pub norm_c: LayerNorm<T>,
    /// `p_i`, `p_f`, `p_o`, if there are peepholes.
    pub peepholes: Option<Peepholes<T>>,
}

impl<T: Scalar> LayerNormLstm<T> {
    /// A cell without peepholes. `W` starts from [`Init::Xavier`](crate::Init::Xavier) and `U` orthogonal,
    /// each gate's part on its own; the bias `b` is zero, but the forget gate's 1.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
        let mut b = zeros([4 * hidden_size]);
        fill_bias(&mut b, hidden_size..2 * hidden_size, 1.0);
        Self {
            w: input_weight(rng, 4, [input_size, hidden_size]),
            u: recurrent_weight(rng, 4, [hidden_size, hidden_size]),
            b,
            norm_x: LayerNorm::new(4 * hidden_size),
            norm_h: LayerNorm::new(4 * hidden_size),
            norm_c: LayerNorm::new(hidden_size),
            peepholes: None,
        }
    }

    /// The same with peepholes that start at zero.
    #[must_use]
    pub fn with_peepholes(mut self) -> Self {
        self.peepholes = Some(Peepholes::new(self.u.shape()[0]));
        self
    }
}

impl<T: Scalar> Cell<T> for LayerNormLstm<T> {
    type State<'t> = (Var<'t, T>, Var<'t, T>);

    fn step<'t>(&self, x: Var<'t, T>, (h, c): Self::State<'t>) -> (Var<'t, T>, Self::State<'t>) {
        let read = self.norm_x.forward(x.matmul(&self.w));
        let recurrent = self.norm_h.forward(h.matmul(&self.u));
        let [mut i, mut f, candidate, mut o] = (read + recurrent + &self.b).split();
        if let Some(peepholes) = &self.peepholes {
            i = i + c * &peepholes.i;
            f = f + c * &peepholes.f;
        }
        let c = f.sigmoid() * c + i.sigmoid() * candidate.tanh();
        if let Some(peepholes) = &self.peepholes {
            o = o + c * &peepholes.o;
        }
        let h = o.sigmoid() * self.norm_c.forward(c).tanh();
        (h, (h, c))
    }
}

impl<T: Scalar> StateSizes for LayerNormLstm<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.u.shape()[0]; 2]
    }
}
