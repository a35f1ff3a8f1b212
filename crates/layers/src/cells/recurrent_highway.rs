//! The recurrent highway network: several layers within a step.

use bptt_autodiff::{Param, Var};
use bptt_tensor::Scalar;
use rand::Rng;

use super::options::gate_activations;
use super::parameters::{input_weight, recurrent_weight, zeros};
use crate::activation::Activation;
use crate::core::cell::StateSizes;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};
use crate::core::options::init_options;

/// The recurrent highway network (Zilly, Srivastava, Koutník and Schmidhuber 2017), of depth `L`:
///
/// ```text
/// s_0 = h₋
/// n_l = tanh(x W_ih_n [l = 1] + s_{l−1} W_hh_n_l + b_n_l)
/// i_l = σ(x W_ih_i [l = 1] + s_{l−1} W_hh_i_l + b_i_l)
/// f_l = 1 − i_l                                             coupled
/// f_l = σ(x W_ih_f [l = 1] + s_{l−1} W_hh_f_l + b_f_l)      otherwise
/// s_l = i_l ⊙ n_l + f_l ⊙ s_{l−1}
/// h = s_L
/// ```
///
/// `x: [B, I]`, which the first layer alone reads. `W_ih: [I, 2H]`, `W_hh_l: [H, 2H]`, `b_l: [2H]` with the columns of
/// `n`, `i` concatenated, or `3H` columns of `n`, `i`, `f`. The state and the output are `h: [B, H]`.
/// `2(I·H + L(H·H + H))` parameters, or `3(…)`.
///
/// The paper writes `h` for `n`, `t` (transform) for `i` and `c` (carry) for `f`. All its experiments couple the gates.
#[doc(alias = "RHN")]
#[derive(Clone, Debug, Module)]
pub struct RecurrentHighway<T> {
    /// `W_ih: [I, 2H]` or `[I, 3H]`
    pub w_ih: Param<T>,
    /// `W_hh_l: [H, 2H]` or `[H, 3H]`, of each layer.
    pub w_hh: Vec<Param<T>>,
    /// `b_l: [2H]` or `[3H]`, of each layer.
    pub b: Vec<Param<T>>,
    /// The function of the gates, by default `σ`.
    #[module(skip)]
    pub gate_activation: Activation<T>,
    /// The function of the candidate, by default `tanh`.
    #[module(skip)]
    pub candidate_activation: Activation<T>,
}

impl<T: Scalar> RecurrentHighway<T> {
    /// Creates a cell of this depth with coupled gates, `f = 1 − i`.
    ///
    /// `W_ih` starts from [`Init::Xavier`](crate::Init::Xavier) and `W_hh` orthogonal, separately for each gate. The
    /// biases are zero, except for −2 in the gate `i`: at first, layers carry most of the state on.
    ///
    /// # Panics
    ///
    /// If the depth is 0.
    #[track_caller]
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize, depth: usize) -> Self {
        Self::of_gates(rng, 2, [input_size, hidden_size], depth)
    }

    /// Creates a cell of this depth whose gate `f` has weights of its own. Its biases are zero.
    ///
    /// # Panics
    ///
    /// If the depth is 0.
    #[track_caller]
    #[must_use]
    pub fn uncoupled(
        rng: &mut impl Rng,
        input_size: usize,
        hidden_size: usize,
        depth: usize,
    ) -> Self {
        Self::of_gates(rng, 3, [input_size, hidden_size], depth)
    }

    #[track_caller]
    fn of_gates(rng: &mut impl Rng, gates: usize, sizes: [usize; 2], depth: usize) -> Self {
        assert!(depth > 0, "a recurrent highway network has at least one layer");
        let hidden_size = sizes[1];
        let mut recurrent = || recurrent_weight(rng, gates, [hidden_size, hidden_size]);
        let w_hh = (0..depth).map(|_| recurrent()).collect();
        Self {
            w_ih: input_weight(rng, gates, sizes),
            w_hh,
            b: (0..depth).map(|_| zeros([gates * hidden_size])).collect(),
            gate_activation: Activation::Sigmoid,
            candidate_activation: Activation::Tanh,
        }
        .transform_bias(-2.0)
    }

    /// Sets the initial bias of the gate `i` in all layers. The lower it is, the more of the state they carry on.
    #[must_use]
    pub fn transform_bias(mut self, bias: f64) -> Self {
        let hidden_size = self.hidden_size();
        for b in &mut self.b {
            b.value_mut().as_mut_slice()[hidden_size..2 * hidden_size].fill(T::of(bias));
        }
        self
    }

    gate_activations!();

    init_options! {
        input_init: "`W_ih`, separately for each part", |cell| {
            let gates = cell.gates();
            [(&mut cell.w_ih, gates)]
        };
        recurrent_init: "`W_hh` of all layers, separately for each part", |cell| {
            let gates = cell.gates();
            cell.w_hh.iter_mut().map(move |w| (w, gates))
        };
        bias_init: "the biases", |cell| cell.b.iter_mut().map(|b| (b, 1));
    }
}

impl<T> RecurrentHighway<T> {
    fn hidden_size(&self) -> usize {
        self.w_hh[0].shape()[0]
    }

    /// Returns the number of parts that the weights concatenate.
    fn gates(&self) -> usize {
        self.w_hh[0].shape()[1] / self.hidden_size().max(1)
    }
}

step_without_noise!(RecurrentHighway, Var<'t, T>);

impl<T: Scalar> NoisyCell<T> for RecurrentHighway<T> {
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        h: Var<'t, T>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Var<'t, T>) {
        let size = self.hidden_size();
        let mut s = h;
        for (l, (w_hh, b)) in self.w_hh.iter().zip(&self.b).enumerate() {
            let mut net = noise.read(0, s).matmul(w_hh) + b;
            if l == 0 {
                net = x.matmul(&self.w_ih) + net;
            }
            let part = |k: usize| net.slice(-1, k * size..(k + 1) * size);
            let n = self.candidate_activation.apply(part(0)).probe(&format!("n{l}"));
            let i = self.gate_activation.apply(part(1)).probe(&format!("i{l}"));
            let f = match self.gates() {
                2 => 1.0 - i,
                _ => self.gate_activation.apply(part(2)).probe(&format!("f{l}")),
            };
            s = i * noise.written(0, n) + f * s;
        }
        let h = s.probe("h");
        (h, h)
    }
}

impl<T> StateSizes for RecurrentHighway<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.hidden_size()]
    }
}
