//! The Legendre memory unit.

use bptt_autodiff::{Param, Tape, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use super::matrix_exponential::{matrix_exponential, norm_of_rows};
use super::options::activation_options;
use super::parameters::{input_weight, recurrent_weight, zeros};
use crate::activation::Activation;
use crate::core::cell::StateSizes;
use crate::core::init::Init;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};
use crate::core::options::init_options;

/// The Legendre memory unit or `LMU` (Voelker, Kajić and Eliasmith 2019), of order `D` and window `θ`:
///
/// ```text
/// u = x W_iu + h₋ W_hu + m₋ W_mu
/// m = m₋ Ā + u B̄
/// h = tanh(x W_ih + h₋ W_hh + m W_mh)
/// ```
///
/// `x: [B, I]`, `W_iu: [I, 1]`, `W_hu: [H, 1]`, `W_mu: [D, 1]`, `W_ih: [I, H]`, `W_hh: [H, H]`, `W_mh: [D, H]`. The state
/// is `(h, m)`, `[B, H]` and `[B, D]`; the output is `h`. `I + H + D + H(I + H + D)` parameters; there are no biases.
///
/// `Ā: [D, D]` and `B̄: [1, D]` are constants. With them, `m` has the coefficients of Legendre polynomials that
/// approximate `u` over the last `θ` steps: `u_{t−r θ} ≈ Σ_i m_i P_i(2r − 1)` for `0 ≤ r ≤ 1`. They discretise the
/// differential equation `θ m' = m A + u B`,
///
/// ```text
/// A_ji = (2i + 1) · (−1 if i < j, (−1)^{i−j+1} otherwise)
/// B_i = (2i + 1) (−1)^i
/// ```
///
/// by a zero-order hold of one step, exactly for a `u` that is constant within each step. The paper writes `e` for
/// `W_iu`, `W_hu`, `W_mu`, and has columns where this project has rows.
#[doc(alias = "LMU")]
#[derive(Clone, Debug, Module)]
pub struct LegendreMemory<T> {
    /// `W_iu: [I, 1]`
    pub w_iu: Param<T>,
    /// `W_hu: [H, 1]`
    pub w_hu: Param<T>,
    /// `W_mu: [D, 1]`
    pub w_mu: Param<T>,
    /// `W_ih: [I, H]`
    pub w_ih: Param<T>,
    /// `W_hh: [H, H]`
    pub w_hh: Param<T>,
    /// `W_mh: [D, H]`
    pub w_mh: Param<T>,
    /// `Ā: [D, D]`
    #[module(skip)]
    pub transition: Tensor<T>,
    /// `B̄: [1, D]`
    #[module(skip)]
    pub drive: Tensor<T>,
    /// The activation, by default `tanh`.
    #[module(skip)]
    pub activation: Activation<T>,
}

impl<T: Scalar> LegendreMemory<T> {
    /// Creates a cell whose memory has `order` coefficients for a window of `window` steps.
    ///
    /// `W_iu` and `W_hu` are uniform between `±√(3/I)` and `±√(3/H)` (LeCun's distribution), and `W_mu` is zero.
    /// `W_ih` and `W_mh` start from [`Init::Xavier`], `W_hh` orthogonal.
    ///
    /// # Panics
    ///
    /// If the window is not positive and finite.
    #[track_caller]
    #[must_use]
    pub fn new(
        rng: &mut impl Rng,
        input_size: usize,
        hidden_size: usize,
        order: usize,
        window: f64,
    ) -> Self {
        assert!(
            window > 0.0 && window.is_finite(),
            "a window is positive and finite, not {window} steps"
        );
        let mut encoder = |size: usize| {
            let bound = (3.0 / size.max(1) as f64).sqrt();
            Param::new(Init::Uniform { low: -bound, high: bound }.tensor(rng, [size, 1]))
        };
        let (w_iu, w_hu) = (encoder(input_size), encoder(hidden_size));
        let [transition, drive] = discretised(order, window);
        Self {
            w_iu,
            w_hu,
            w_mu: zeros([order, 1]),
            w_ih: input_weight(rng, 1, [input_size, hidden_size]),
            w_hh: recurrent_weight(rng, 1, [hidden_size, hidden_size]),
            w_mh: input_weight(rng, 1, [order, hidden_size]),
            transition: transition.cast(),
            drive: drive.cast(),
            activation: Activation::Tanh,
        }
    }

    activation_options! {
        activation: "of the hidden units, by default `tanh`";
    }

    init_options! {
        encoder_init: "`W_iu`, `W_hu` and `W_mu`", |cell| {
            [(&mut cell.w_iu, 1), (&mut cell.w_hu, 1), (&mut cell.w_mu, 1)]
        };
        input_init: "`W_ih` and `W_mh`", |cell| [(&mut cell.w_ih, 1), (&mut cell.w_mh, 1)];
        recurrent_init: "`W_hh`", |cell| [(&mut cell.w_hh, 1)];
    }
}

/// Returns `Ā` and `B̄`.
///
/// A constant `u` is a further variable of the differential equation, whose derivative is 0. The exponential of the
/// whole system has both: `exp([[A, 0], [B, 0]] / θ) = [[Ā, 0], [B̄, 1]]`.
fn discretised(order: usize, window: f64) -> [Tensor<f64>; 2] {
    let sign = |n: usize| if n.is_multiple_of(2) { 1.0 } else { -1.0 };
    let system = Tensor::from_fn([order + 1, order + 1], |at| {
        let (j, i) = (at / (order + 1), at % (order + 1));
        let scale = (2 * i + 1) as f64 / window;
        match (i, j) {
            (i, _) if i == order => 0.0,
            (i, j) if j == order => scale * sign(i),
            (i, j) if i < j => -scale,
            (i, j) => scale * sign(i - j + 1),
        }
    });
    let tape = Tape::new();
    let norm = norm_of_rows(&system);
    let exponential = matrix_exponential(tape.constant(system), norm).value();
    [0..order, order..order + 1].map(|rows| exponential.slice(0, rows).slice(1, 0..order))
}

step_without_noise!(LegendreMemory, (Var<'t, T>, Var<'t, T>));

impl<T: Scalar> NoisyCell<T> for LegendreMemory<T> {
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        (h, m): Self::State<'t>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let read = noise.read(0, h);
        let from_memory = noise.read(1, m).matmul(&self.w_mu);
        let u = x.matmul(&self.w_iu) + read.matmul(&self.w_hu) + from_memory;
        let m = m.matmul(&self.transition) + noise.written(1, u.probe("u") * &self.drive);
        let m = m.probe("m");
        let recurrent = read.matmul(&self.w_hh) + noise.read(1, m).matmul(&self.w_mh);
        let h = self.activation.apply(x.matmul(&self.w_ih) + recurrent).probe("h");
        (h, (h, m))
    }
}

impl<T> StateSizes for LegendreMemory<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_hh.shape()[0], self.w_mu.shape()[0]]
    }
}
