//! The dynamics of a cell: Jacobians of a step, Lyapunov exponents, fixed points, saturation, memory capacity.
//!
//! [`Dynamics`] is a layer as a dynamical system `s_t = F(x_t, s_{t−1})`, of which the questions are asked. [`Saturation`]
//! is a statistic of the values that probes collect. All linear algebra is in `f64`, whatever the layer's numbers.
//!
//! | question | answer |
//! |---|---|
//! | [`Dynamics::jacobians`] | [`Jacobians`]: singular values, eigenvalues, spectral radius of each step |
//! | [`Jacobians::chain`] | [`JacobianChain`]: `‖∂s_t/∂s_k‖₂` of all steps against its bound |
//! | [`Dynamics::lyapunov`] | [`LyapunovSpectrum`]: exponents, errors, dimension of the attractor |
//! | [`Dynamics::fixed_points`] | [`FixedPoints`]: where the state rests, and the linear dynamics there |
//! | [`Saturation::of`] | [`Saturation`]: saturated gates, dead units |
//! | [`Dynamics::memory_capacity`] | [`MemoryCapacity`]: past inputs that the state still holds |

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
