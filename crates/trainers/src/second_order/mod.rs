//! Trainers by curvature.

mod conjugate_gradients;
mod damped_curvature;
mod decoupling;
mod gauss_newton;
mod hessian_free;
mod kalman;
mod levenberg_marquardt;
mod linearization;
mod pseudo_newton;
mod squares;

pub use decoupling::Decoupling;
pub use gauss_newton::GaussNewton;
pub use hessian_free::HessianFree;
pub use kalman::ExtendedKalman;
pub use levenberg_marquardt::LevenbergMarquardt;
pub use pseudo_newton::TimeWeightedPseudoNewton;
