//! Residuals and their Jacobian as matrices.

use bptt_autodiff::Tape;
use bptt_layers::Module;
use bptt_tensor::Scalar;
use nalgebra::DMatrix;

use super::linearization::Linearization;
use crate::error::TrainError;
use crate::objective::{Form, ObjectiveFn};
use crate::vector::{self, Vector};

/// The loss `½ Σ r²` at the present parameters.
pub(crate) struct Squares {
    pub(crate) loss: f64,
    /// `r`, `[R]`.
    pub(crate) residuals: Vector,
    /// `J`, `[R, P]`.
    pub(crate) jacobian: DMatrix<f64>,
    /// The number of passes through the model.
    pub(crate) passes: usize,
}

impl Squares {
    /// Returns the residuals and the Jacobian of an objective, for a trainer of this name.
    #[track_caller]
    pub(crate) fn at<T: Scalar, M: Module<T>>(
        trainer: &'static str,
        model: &M,
        objective: &ObjectiveFn<'_, T, M>,
    ) -> Result<Self, TrainError> {
        let tape = Tape::new();
        let objective = objective(model, &tape);
        let Form::Squares(residuals) = objective.form else {
            return Err(TrainError::NoResiduals { trainer });
        };
        let linearization = Linearization::new(model, &tape, objective.loss);
        if linearization.size() == 0 {
            return Err(TrainError::NoParameters);
        }
        let loss = objective.value();
        if !loss.is_finite() {
            return Err(TrainError::NonFinite { quantity: "the loss" });
        }
        let (jacobian, passes) = linearization.matrix(residuals);
        if !jacobian.iter().all(|x| x.is_finite()) {
            return Err(TrainError::NonFinite { quantity: "the Jacobian" });
        }
        Ok(Self {
            loss,
            residuals: vector::of_tensor(&residuals.value()),
            jacobian,
            passes: 1 + passes,
        })
    }
}
