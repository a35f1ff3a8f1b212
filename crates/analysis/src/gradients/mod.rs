//! Gradients over time: with respect to states, by lag, and the bias of truncation.
//!
//! A recurrent layer maps an input and a state to an output and the next state, and a loss depends on the outputs:
//!
//! ```text
//! y_t, s_t = f(x_t, s_{t−1}; θ)        L = L(y_0, …, y_{T−1})
//! ```
//!
//! If the loss is a sum over steps, `L = Σ_t L_t(y_t)`, then `L_t` is the loss of step `t`. Any other loss is divided
//! likewise, to first order: the gradient through the output of step `t` belongs to step `t`. The *lag* of a term of the
//! gradient is the distance between the step of its loss and the step at which it reaches a state or a parameter:
//!
//! ```text
//! ∂L/∂θ = Σ_ℓ g_ℓ        g_ℓ = Σ_t (∂s_{t−ℓ}/∂θ)ᵀ ∂L_t/∂s_{t−ℓ}        (θ varies in step t − ℓ alone)
//! ```
//!
//! [`GradientsOverTime`] answers four questions about these gradients:
//!
//! | question | answer |
//! |---|---|
//! | which gradient reaches the state of each step, directly and in total? | [`StateGradients`] |
//! | how much of the loss of step `t` reaches the state of step `k`? | [`ErrorFlow`], a matrix `[T, T]` |
//! | which part of a parameter's gradient has lag `ℓ`, and what would truncation keep? | [`GradientsByLag`] |
//! | how far is the gradient of BPTT(k₁, k₂) from the whole one? | [`TruncationBias`] |
//!
//! How many steps of truncated back-propagation keep 99 % of the gradient depends on how long a network remembers:
//!
//! ```
//! use bptt_analysis::gradients::GradientsOverTime;
//! use bptt_layers::{Lstm, rng};
//! use bptt_tensor::Tensor;
//!
//! let xs = Tensor::normal([50, 8, 4], 0.0, 1.0, &mut rng(0)); // [T, B, I]
//! let steps_for_99_percent = |forget_bias| {
//!     let lstm = Lstm::<f64>::new(&mut rng(1), 4, 16).forget_bias(forget_bias);
//!     let loss_of_last = GradientsOverTime::new(&lstm, &xs, |ys| ys.index_first(49).square().mean_all());
//!     let kept = loss_of_last.by_lag().kept(); // entry K − 1 is for K steps
//!     1 + kept.iter().position(|kept| kept.relative_error < 0.01).expect("all steps keep everything")
//! };
//! let [forgetful, careful] = [-1.0, 3.0].map(steps_for_99_percent);
//! assert!(forgetful < 10 && careful > 30, "{forgetful}, {careful}");
//! ```
//!
//! Back-propagation through time: Werbos 1990. Truncation: Williams and Peng 1990. Vanishing and exploding terms:
//! Hochreiter 1991; Bengio, Simard and Frasconi 1994; Pascanu, Mikolov and Bengio 2013.

mod agreement;
mod by_lag;
mod error_flow;
mod lags;
mod over_time;
mod states;
mod truncation;

pub use agreement::Agreement;
pub use by_lag::{GradientsByLag, ParameterByLag};
pub use error_flow::ErrorFlow;
pub use over_time::GradientsOverTime;
pub use states::{StateGradient, StateGradients};
pub use truncation::TruncationBias;
