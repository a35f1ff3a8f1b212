//! The selective state space: a linear recurrence whose coefficients the input chooses.

use bptt_autodiff::{Param, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use super::heads::flat;
use super::parameters::input_weight;
use super::selective_decay::time_step_bias;
use crate::core::cell::{Cell, StateSizes};
use crate::core::init::Init;
use crate::core::module::Module;
use crate::core::options::init_options;

/// The selective state space of Mamba or `S6` (Gu and Dao 2023), of `N` numbers for each of `I` channels:
///
/// ```text
/// Δ = softplus(x W_ir W_rΔ + b_Δ)
/// B = x W_iB
/// C = x W_iC
/// S = exp(−Δᵀ exp(a)) ⊙ S₋ + (Δ ⊙ x)ᵀ B
/// y = C Sᵀ + d ⊙ x
/// ```
///
/// `x: [B, I]`, `W_ir: [I, R]`, `W_rΔ: [R, I]`, `W_iB`, `W_iC: [I, N]`, `a: [I, N]`, `b_Δ`, `d: [I]`. In `exp(−Δᵀ exp(a))`, the
/// step `Δ` of a channel multiplies its `N` rates. The state is `S: [B, I·N]`, of which a step makes `[B, I, N]`; the output
/// is `y: [B, I]`. `2I(R + N) + I·N + 2I` parameters.
///
/// `Δ`, `B` and `C` are functions of the input: each channel chooses what to store, and for how long. The decay is that of
/// a zero-order hold, the input's factor `Δ B` that of a step of Euler's method, as in the authors' program. The block of
/// the paper has a projection, a convolution and a gate around it. There is no chunkwise form: since each number of a
/// channel has a decay of its own, the steps of a chunk share no product of matrices (Dao and Gu 2024).
/// [`MultiHeadSelectiveScan`](crate::MultiHeadSelectiveScan) has one for that reason.
#[doc(alias = "Mamba")]
#[derive(Clone, Debug, Module)]
pub struct SelectiveScan<T> {
    /// `W_ir: [I, R]`
    pub w_ir: Param<T>,
    /// `W_rΔ: [R, I]`
    pub w_r_delta: Param<T>,
    /// `b_Δ: [I]`
    pub b_delta: Param<T>,
    /// `W_iB: [I, N]`
    pub w_ib: Param<T>,
    /// `W_iC: [I, N]`
    pub w_ic: Param<T>,
    /// `a: [I, N]`
    pub a: Param<T>,
    /// `d: [I]`
    pub d: Param<T>,
}

impl<T: Scalar> SelectiveScan<T> {
    /// Creates a cell of `channels` inputs and outputs, with `state_size` numbers each. The map to `Δ` has this rank.
    ///
    /// Weights start from [`Init::Xavier`], `W_rΔ` uniform between `±1/√R`. `b_Δ` gives steps between 0.001 and 0.1 for an
    /// input of zero, whose logarithms are uniform. The rates `exp(a)` of a channel are 1 to `N`, and `d` is 1.
    #[must_use]
    pub fn new(rng: &mut impl Rng, channels: usize, state_size: usize, rank: usize) -> Self {
        let bound = (rank.max(1) as f64).sqrt().recip();
        let init = Init::Uniform { low: -bound, high: bound };
        let rates =
            Tensor::from_fn([channels, state_size], |i| T::of(((i % state_size + 1) as f64).ln()));
        Self {
            w_ir: input_weight(rng, 1, [channels, rank]),
            w_r_delta: Param::new(init.tensor(rng, [rank, channels])),
            b_delta: time_step_bias(rng, channels),
            w_ib: input_weight(rng, 1, [channels, state_size]),
            w_ic: input_weight(rng, 1, [channels, state_size]),
            a: Param::new(rates),
            d: Param::new(Tensor::ones([channels])),
        }
    }

    init_options! {
        input_init: "`W_ir`, `W_iB` and `W_iC`", |cell| {
            [(&mut cell.w_ir, 1), (&mut cell.w_ib, 1), (&mut cell.w_ic, 1)]
        };
    }
}

impl<T: Scalar> Cell<T> for SelectiveScan<T> {
    type State<'t> = Var<'t, T>;

    fn step<'t>(&self, x: Var<'t, T>, s: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let [channels, size] = self.a.shape()[..] else { unreachable!("[I, N]") };
        let batch = x.shape()[0];
        let delta = x.matmul(&self.w_ir).matmul(&self.w_r_delta) + &self.b_delta;
        let delta = delta.softplus().probe("delta");
        let (b, c) = (x.matmul(&self.w_ib).probe("B"), x.matmul(&self.w_ic).probe("C"));
        let of_channels = |z: Var<'t, T>| z.reshape([batch, channels, 1]);
        let rates = x.tape().param(&self.a).exp();
        let decay = (-(of_channels(delta) * rates)).exp();
        let s = decay * s.reshape([batch, channels, size])
            + of_channels(delta * x) * b.reshape([batch, 1, size]);
        let y = (flat(s.matmul(c.reshape([batch, size, 1]))) + x * &self.d).probe("y");
        (y, flat(s))
    }
}

impl<T> StateSizes for SelectiveScan<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.a.shape().elements()]
    }
}
