//! Long short-term memory with exponential gates and a scalar memory.

use bptt_autodiff::{Param, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use super::heads::head_size;
use super::options::{Gate, activation_options, bias_options, forget_bias, part};
use super::parameters::{input_weight, zeros};
use crate::activation::Activation;
use crate::core::cell::StateSizes;
use crate::core::init::Init;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};
use crate::core::options::init_options;

/// The scalar LSTM of the xLSTM or `sLSTM` (Beck et al. 2024), of `E` heads:
///
/// ```text
/// ĩ, f̃, g̃, õ = x W_ih + h₋ W_hh + b
/// m = max(ln σ(f̃) + m₋, ĩ)
/// i = exp(ĩ − m)
/// f = exp(ln σ(f̃) + m₋ − m)
/// g = tanh(g̃)
/// o = σ(õ)
/// c = f ⊙ c₋ + i ⊙ g
/// n = f ⊙ n₋ + i
/// h = o ⊙ c / n
/// ```
///
/// `x: [B, I]`, `W_ih: [I, 4H]`, `b: [4H]`, with the columns of `i`, `f`, `g`, `o` concatenated. `W_hh: [E, H/E, 4H/E]` is
/// block-diagonal: a unit reads only those of its head. The state is `(h, c, n, m)`, each `[B, H]`; the output is `h`.
/// `4(I·H + H·H/E + H)` parameters.
///
/// The input gate is exponential: a later candidate can outweigh all before it. `n` sums the weights of the candidates, so
/// that `c/n` is their mean. `c` and `n` are scaled by `exp(−m)`, which cancels in `h` and keeps the exponentials finite.
/// The paper allows `exp` as well as `σ` for the forget gate; this is `σ`, as in the authors' program. The paper writes
/// `z` for `g` and `R` for `W_hh`.
#[doc(alias = "xLSTM")]
#[derive(Clone, Debug, Module)]
pub struct SLstm<T> {
    /// `W_ih: [I, 4H]`
    pub w_ih: Param<T>,
    /// `W_hh: [E, H/E, 4H/E]`
    pub w_hh: Param<T>,
    /// `b: [4H]`
    pub b: Param<T>,
    /// The function of the candidate, by default `tanh`.
    #[module(skip)]
    pub candidate_activation: Activation<T>,
}

impl<T: Scalar> SLstm<T> {
    /// Creates a cell with this number of heads. `W_ih` starts from [`Init::Xavier`] and `W_hh` orthogonal, separately for
    /// each gate and head. The biases are zero, except for 1 in the forget gate.
    ///
    /// # Panics
    ///
    /// If the hidden size is not a multiple of the number of heads.
    #[track_caller]
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize, heads: usize) -> Self {
        let size = head_size(hidden_size, heads);
        Self {
            w_ih: input_weight(rng, 4, [input_size, hidden_size]),
            w_hh: zeros([heads, size, 4 * size]),
            b: zeros([4 * hidden_size]),
            candidate_activation: Activation::Tanh,
        }
        .recurrent_init(rng, Init::Orthogonal { gain: 1.0 })
        .forget_bias(1.0)
    }

    /// Sets the initial values of `W_hh`, separately for each gate and head.
    #[must_use]
    pub fn recurrent_init(mut self, rng: &mut impl Rng, init: Init) -> Self {
        let [heads, size, _] = self.w_hh.shape()[..] else { unreachable!("[E, H/E, 4H/E]") };
        let blocks: Vec<_> = (0..heads).map(|_| init.gates(rng, 4, [size, size])).collect();
        self.w_hh.set(Tensor::stack(&blocks, 0));
        self
    }

    activation_options! {
        candidate_activation: "of the candidate, by default `tanh`";
    }

    init_options! {
        input_init: "`W_ih`, separately for each gate", |cell| [(&mut cell.w_ih, 4)];
        bias_init: "the biases", |cell| [(&mut cell.b, 1)];
    }

    bias_options!(|cell, gate| {
        part(Some(&mut cell.b), &[Gate::Input, Gate::Forget, Gate::Candidate, Gate::Output], gate)
    });

    forget_bias!();

    /// Returns the parts `[B, H]` of `h W_hh`.
    fn recurrent<'t>(&self, h: Var<'t, T>) -> [Var<'t, T>; 4] {
        let [batch, hidden] = h.shape()[..] else { panic!("h has the shape [B, H]") };
        let [heads, size, _] = self.w_hh.shape()[..] else { unreachable!("[E, H/E, 4H/E]") };
        let h = h.reshape([batch, heads, size]).permute(&[1, 0, 2]);
        let parts = h.matmul(&self.w_hh).permute(&[1, 0, 2]).split(-1);
        parts.map(|part| part.reshape([batch, hidden]))
    }
}

step_without_noise!(SLstm, (Var<'t, T>, Var<'t, T>, Var<'t, T>, Var<'t, T>));

impl<T: Scalar> NoisyCell<T> for SLstm<T> {
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        (h, c, n, m): Self::State<'t>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let read: [Var<'t, T>; 4] = (x.matmul(&self.w_ih) + &self.b).split(-1);
        let recurrent = self.recurrent(noise.read(0, h));
        let [i, f, g, o] = [0, 1, 2, 3].map(|p| read[p] + recurrent[p]);
        let kept = m - (-f).softplus(); // ln σ(f̃) + m₋
        let m = kept.maximum(i).probe("m");
        let (i, f) = ((i - m).exp().probe("i"), (kept - m).exp().probe("f"));
        let g = noise.written(1, self.candidate_activation.apply(g).probe("g"));
        let c = (f * c + i * g).probe("c");
        let n = (f * n + i).probe("n");
        let h = (o.sigmoid().probe("o") * (c / n)).probe("h");
        (h, (h, c, n, m))
    }
}

impl<T> StateSizes for SLstm<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.b.shape()[0] / 4; 4]
    }
}
