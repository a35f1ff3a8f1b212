//! The dynamics of a cell: Jacobians of a step, Lyapunov exponents, fixed points, saturation, memory capacity.
//!
//! [`Dynamics`] answers questions about a layer as a dynamical system, `s_t = F(x_t, s_{t−1})`. [`Saturation`] is a
//! statistic of the values that probes collect. All linear algebra is in `f64`, whatever the layer's numbers.
//!
//! | question | answer |
//! |---|---|
//! | [`Dynamics::jacobians`] | [`Jacobians`]: singular values, eigenvalues, spectral radius of each step |
//! | [`Jacobians::chain`] | [`JacobianChain`]: `‖∂s_t/∂s_k‖₂` of all steps against its bound |
//! | [`Dynamics::lyapunov`] | [`LyapunovSpectrum`]: exponents, errors, dimension of the attractor |
//! | [`Dynamics::fixed_points`] | [`FixedPoints`]: where the state rests, and the linear dynamics there |
//! | [`Saturation::of`] | [`Saturation`]: saturated gates, dead units |
//! | [`Dynamics::memory_capacity`] | [`MemoryCapacity`]: past inputs that the state still holds |
//!
//! For instance, the bias of its forget gates decides how long an untrained LSTM remembers:
//!
//! ```
//! use bptt_analysis::dynamics::Dynamics;
//! use bptt_layers::{Gate, Lstm};
//! use bptt_tensor::Tensor;
//!
//! let mut rng = bptt_layers::rng(0);
//! for bias in [-1.0, 1.0] {
//!     let lstm = Lstm::<f32>::new(&mut rng, 2, 8).gate_bias(Gate::Forget, bias);
//!     let xs = Tensor::normal([40, 4, 2], 0.0, 1.0, &mut rng); // [T, B, I]
//!     let dynamics = Dynamics::new(&lstm);
//!
//!     // how many steps back is a gradient at least a tenth of what it was?
//!     let chain = dynamics.jacobians(&xs, 0)?.chain()?;
//!     let lags = chain.norms_by_lag().iter().take_while(|&&norm| norm > 0.1).count();
//!
//!     // how many steps does it take to shrink to 1/e, in the long run?
//!     let spectrum = dynamics.lyapunov().exponents(1).transient(10).run(&xs)?;
//!     let steps = -1.0 / spectrum.exponents()[0];
//!
//!     // and how slowly does the state return to where it rests without an input?
//!     let starts = dynamics.visited(&xs, 5, 0.1, &mut rng)?;
//!     let found = dynamics.fixed_points(&Tensor::zeros([2])).run(&starts)?;
//!     let time_constant = found.points()[0].modes[0].time_constant();
//!
//!     println!("bias {bias}: {lags} lags, {steps:.1} steps, τ = {time_constant:.1} steps");
//!     assert_eq!(lags > 10 && steps > 5.0 && time_constant > 10.0, bias == 1.0);
//! }
//! # Ok::<(), bptt_analysis::dynamics::DynamicsError>(())
//! ```
//!
//! It prints `bias -1: 4 lags, 1.3 steps, τ = 1.5 steps` and `bias 1: 13 lags, 5.2 steps, τ = 39.7 steps`.

mod chain;
mod error;
mod fixed_points;
mod jacobians;
mod lipschitz;
mod lyapunov;
mod memory_capacity;
mod saturation;
mod spectrum;
mod system;

pub use chain::JacobianChain;
pub use error::DynamicsError;
pub use fixed_points::{FixedPoint, FixedPointSearch, FixedPoints, Mode, Stability};
pub use jacobians::Jacobians;
pub use lipschitz::{Lipschitz, max_slope};
pub use lyapunov::Lyapunov;
pub use memory_capacity::{CapacityMeasurement, MemoryCapacity};
/// A complex number, such as an eigenvalue.
pub use nalgebra::Complex;
pub use saturation::{Saturation, Thresholds};
pub use spectrum::LyapunovSpectrum;
pub use system::Dynamics;
