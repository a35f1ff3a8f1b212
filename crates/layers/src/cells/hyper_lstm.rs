//! Long short-term memory whose weights another one scales.

use bptt_autodiff::{Param, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use super::lstm::Lstm;
use super::options::{gate_activations, gate_inits};
use super::parameters::{input_weight, recurrent_weight, zeros};
use crate::activation::Activation;
use crate::core::cell::StateSizes;
use crate::core::init::Init;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};
use crate::core::options::epsilon_option;
use crate::feedforward::layer_norm::LayerNorm;
use crate::feedforward::linear::biased;

/// The LSTM with a hypernetwork or `HyperLSTM` (Ha, Dai and Le 2017):
///
/// ```text
/// ĥ, ĉ = Lstm([h₋, x], (ĥ₋, ĉ₋))
/// for each part p of i, f, g, o:
///     z_ih, z_hh, z_b = ĥ W_hz_p + b_z_p, one for each of the three
///     a_p = N_p((z_ih W_zd_p) ⊙ (x W_ih_p) + (z_hh W_zd_p) ⊙ (h₋ W_hh_p) + z_b W_zd_p + b_p)
/// c = σ(a_f) ⊙ c₋ + σ(a_i) ⊙ tanh(a_g)
/// h = σ(a_o) ⊙ tanh(N_c(c))
/// ```
///
/// `x: [B, I]`, `W_ih: [I, 4H]`, `W_hh: [H, 4H]`. The hypernetwork has `Ĥ` units and embeddings `z` of `Z` features; each
/// of its three [`HyperMap`] maps has weights of its own. Each `N` is a [`LayerNorm`]. The state is `((h, c), (ĥ, ĉ))`,
/// `[B, H]` and `[B, Ĥ]`; the output is `h`.
///
/// The small LSTM sees what the large one sees, and scales the rows of its weights at each step. As in the authors'
/// program, the scales are made of `ĥ` of the same step.
#[derive(Clone, Debug, Module)]
pub struct HyperLstm<T> {
    /// The hypernetwork, of `H + I` inputs and `Ĥ` units.
    pub hyper: Lstm<T>,
    /// `W_ih: [I, 4H]`
    pub w_ih: Param<T>,
    /// `W_hh: [H, 4H]`
    pub w_hh: Param<T>,
    /// The factor of `x W_ih`.
    pub scale_ih: HyperMap<T>,
    /// The factor of `h₋ W_hh`.
    pub scale_hh: HyperMap<T>,
    /// The bias.
    pub shift: HyperMap<T>,
    /// `N_i`, `N_f`, `N_g`, `N_o`
    pub norms: [LayerNorm<T>; 4],
    /// `N_c`
    pub norm_c: LayerNorm<T>,
    /// The function of the gates, by default `σ`.
    #[module(skip)]
    pub gate_activation: Activation<T>,
    /// The function of the candidate, by default `tanh`.
    #[module(skip)]
    pub candidate_activation: Activation<T>,
    /// The function of the normalized `c` in the output `h`, by default `tanh`.
    #[module(skip)]
    pub state_activation: Activation<T>,
}

/// A map through an embedding of few features: `d_p = (ĥ W_hz_p + b_z_p) W_zd_p + b_p` for each of four parts `p`.
#[derive(Clone, Debug, Module)]
pub struct HyperMap<T> {
    /// `W_hz: [Ĥ, 4Z]`
    pub w_hz: Param<T>,
    /// `b_z: [4Z]`, of scales.
    pub b_z: Option<Param<T>>,
    /// `W_zd: [Z, 4H]`
    pub w_zd: Param<T>,
    /// `b: [4H]`, of the bias.
    pub b: Option<Param<T>>,
}

impl<T: Scalar> HyperMap<T> {
    /// Creates a map to scales of 0.1.
    fn scale([hyper, embedding, hidden]: [usize; 3]) -> Self {
        let small = T::of(0.1 / embedding as f64);
        Self {
            w_hz: zeros([hyper, 4 * embedding]),
            b_z: Some(Param::new(Tensor::ones([4 * embedding]))),
            w_zd: Param::new(Tensor::full([embedding, 4 * hidden], small)),
            b: None,
        }
    }

    /// Creates a map to biases of zero.
    fn shift(rng: &mut impl Rng, [hyper, embedding, hidden]: [usize; 3]) -> Self {
        let init = Init::Gaussian { mean: 0.0, std: 0.01 };
        Self {
            w_hz: Param::new(init.tensor(rng, [hyper, 4 * embedding])),
            b_z: None,
            w_zd: zeros([embedding, 4 * hidden]),
            b: Some(zeros([4 * hidden])),
        }
    }

    /// Returns `d: [B, 4H]` from `ĥ: [B, Ĥ]`.
    fn forward<'t>(&self, hyper: Var<'t, T>) -> Var<'t, T> {
        let z: [Var<'t, T>; 4] = biased(hyper.matmul(&self.w_hz), self.b_z.as_ref()).split(-1);
        let w_zd: [Var<'t, T>; 4] = hyper.tape().param(&self.w_zd).split(-1);
        let parts = [0, 1, 2, 3].map(|p| z[p].matmul(w_zd[p]));
        biased(Var::concat(&parts, -1), self.b.as_ref())
    }
}

impl<T: Scalar> HyperLstm<T> {
    /// Creates a cell of `hidden_size` units with a hypernetwork of `hyper_size` units.
    ///
    /// `W_ih` starts from [`Init::Xavier`] and `W_hh` orthogonal, separately for each gate. The scales are 0.1 at first,
    /// independent of the hypernetwork, and the biases zero.
    ///
    /// # Panics
    ///
    /// If the embedding has no features.
    #[track_caller]
    #[must_use]
    pub fn new(
        rng: &mut impl Rng,
        input_size: usize,
        hidden_size: usize,
        hyper_size: usize,
        embedding_size: usize,
    ) -> Self {
        assert!(embedding_size > 0, "an embedding has at least one feature");
        let sizes = [hyper_size, embedding_size, hidden_size];
        Self {
            hyper: Lstm::new(rng, hidden_size + input_size, hyper_size),
            w_ih: input_weight(rng, 4, [input_size, hidden_size]),
            w_hh: recurrent_weight(rng, 4, [hidden_size, hidden_size]),
            scale_ih: HyperMap::scale(sizes),
            scale_hh: HyperMap::scale(sizes),
            shift: HyperMap::shift(rng, sizes),
            norms: [(); 4].map(|()| LayerNorm::new(hidden_size)),
            norm_c: LayerNorm::new(hidden_size),
            gate_activation: Activation::Sigmoid,
            candidate_activation: Activation::Tanh,
            state_activation: Activation::Tanh,
        }
    }

    gate_activations!(state);

    gate_inits!(4);

    epsilon_option!(|cell| cell.norms.iter_mut().chain([&mut cell.norm_c]));
}

step_without_noise!(HyperLstm, ((Var<'t, T>, Var<'t, T>), (Var<'t, T>, Var<'t, T>)));

impl<T: Scalar> NoisyCell<T> for HyperLstm<T> {
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        ((h, c), (hyper_h, hyper_c)): Self::State<'t>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let h = noise.read(0, h);
        let seen = Var::concat(&[h, x], -1);
        let (hyper, hyper_state) = {
            let _scope = x.tape().scope("hyper");
            self.hyper.noisy_step(seen, (hyper_h, hyper_c), &noise.of_part(2))
        };
        let net = self.scale_ih.forward(hyper) * x.matmul(&self.w_ih)
            + self.scale_hh.forward(hyper) * h.matmul(&self.w_hh)
            + self.shift.forward(hyper);
        let nets: [Var<'t, T>; 4] = net.split(-1);
        let net = |p: usize| self.norms[p].forward(nets[p]);
        let gate = |p, name| self.gate_activation.apply(net(p)).probe(name);
        let g = self.candidate_activation.apply(net(2)).probe("g");
        let c = (gate(1, "f") * c + gate(0, "i") * noise.written(1, g)).probe("c");
        let h = gate(3, "o") * self.state_activation.apply(self.norm_c.forward(c));
        let h = h.probe("h");
        (h, ((h, c), hyper_state))
    }
}

impl<T> StateSizes for HyperLstm<T> {
    fn state_sizes(&self) -> Vec<usize> {
        let hidden_size = self.w_hh.shape()[0];
        [vec![hidden_size; 2], self.hyper.state_sizes()].concat()
    }
}
