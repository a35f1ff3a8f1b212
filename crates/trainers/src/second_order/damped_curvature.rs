//! The curvature of a step of Hessian-free optimization.

use bptt_autodiff::Tape;
use bptt_layers::{Module, Xoshiro256PlusPlus};
use bptt_tensor::Scalar;

use super::gauss_newton::{GaussNewton, signs};
use super::linearization::Jacobian;
use crate::error::TrainError;
use crate::objective::Objective;
use crate::vector::Vector;

/// The number of products from which the diagonal of the preconditioner is estimated.
pub(super) const ESTIMATES: usize = 4;

/// The matrix `G + λ I + μ λ S`.
pub(super) struct DampedCurvature<'t, T: Scalar> {
    gauss_newton: GaussNewton<'t, T>,
    damping: f64,
    /// The Jacobian `J_h` of the hidden states, and the weight `μ λ / B` of `J_hᵀ J_h`.
    structural: Option<(Jacobian<'t, T>, f64)>,
}

impl<'t, T: Scalar> DampedCurvature<'t, T> {
    #[track_caller]
    pub(super) fn new(
        model: &dyn Module<T>,
        tape: &'t Tape<T>,
        objective: &Objective<'t, T>,
        damping: f64,
        structural: f64,
    ) -> Result<Self, TrainError> {
        let gauss_newton = GaussNewton::of("HessianFree", model, tape, objective)?;
        let structural = if structural > 0.0 {
            let states = objective.hidden.ok_or(TrainError::NoHiddenStates)?;
            let weight = structural * damping / states.shape()[1] as f64;
            Some((gauss_newton.linearization().jacobian(states), weight))
        } else {
            None
        };
        Ok(Self { gauss_newton, damping, structural })
    }

    /// Returns the product with a vector.
    pub(super) fn times(&self, v: &Vector) -> Vector {
        let mut image = self.gauss_newton.times(v) + v * self.damping;
        if let Some((jacobian, weight)) = &self.structural {
            let linearization = self.gauss_newton.linearization();
            let tangent = linearization.product(jacobian, v);
            image.axpy(*weight, &linearization.transposed_product(jacobian, tangent), 1.0);
        }
        image
    }

    /// Returns the diagonal of `(D + λ I)^{3/4}`, with an estimate `D` of the diagonal of `G + μ λ S`.
    pub(super) fn preconditioner(&self, rng: &mut Xoshiro256PlusPlus) -> Vector {
        let mut diagonal = self.gauss_newton.diagonal(rng);
        for _ in 1..ESTIMATES {
            diagonal += self.gauss_newton.diagonal(rng);
        }
        if let Some((jacobian, weight)) = &self.structural {
            for _ in 0..ESTIMATES {
                let signs = signs(&jacobian.outputs().shape(), rng);
                let linearization = self.gauss_newton.linearization();
                let estimate = linearization.diagonal(jacobian, &signs, signs.clone());
                diagonal.axpy(*weight, &estimate, 1.0);
            }
        }
        diagonal.map(|sum| (sum / ESTIMATES as f64 + self.damping).powf(0.75))
    }
}
