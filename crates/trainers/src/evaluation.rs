//! Losses at other parameters than the present ones.

use bptt_autodiff::Tape;
use bptt_layers::Module;
use bptt_tensor::Scalar;

use crate::error::TrainError;
use crate::objective::ObjectiveFn;
use crate::vector::{self, Vector};

/// A model that tries parameters. The parameters return to where they were, unless some are kept.
pub(crate) struct Trials<'m, T: Scalar, M: Module<T>> {
    model: &'m mut M,
    objective: &'m ObjectiveFn<'m, T, M>,
    start: Vector,
    /// The number of evaluations.
    pub(crate) count: usize,
}

impl<'m, T: Scalar, M: Module<T>> Trials<'m, T, M> {
    pub(crate) fn new(model: &'m mut M, objective: &'m ObjectiveFn<'m, T, M>) -> Self {
        let start = vector::read(model);
        Self { model, objective, start, count: 0 }
    }

    /// Returns the parameters before the trials.
    pub(crate) fn start(&self) -> &Vector {
        &self.start
    }

    /// Returns the loss at these parameters. A loss that is not finite is returned as infinity.
    pub(crate) fn loss_at(&mut self, parameters: &Vector) -> f64 {
        vector::write(parameters, self.model);
        self.count += 1;
        let loss = loss_of(self.model, self.objective);
        if loss.is_finite() { loss } else { f64::INFINITY }
    }

    /// Ends the trials with these parameters.
    pub(crate) fn keep(mut self, parameters: &Vector) {
        self.start.copy_from(parameters);
    }
}

impl<T: Scalar, M: Module<T>> Drop for Trials<'_, T, M> {
    fn drop(&mut self) {
        vector::write(&self.start, self.model);
    }
}

/// Returns the loss at the present parameters.
pub(crate) fn loss_of<T: Scalar, M: Module<T>>(
    model: &M,
    objective: &ObjectiveFn<'_, T, M>,
) -> f64 {
    objective(model, &Tape::inference()).value()
}

/// Returns the loss at the present parameters, of a model that has parameters.
///
/// # Errors
///
/// If there are no parameters, or the loss is not finite.
pub(crate) fn finite_loss_of<T: Scalar, M: Module<T>>(
    model: &M,
    objective: &ObjectiveFn<'_, T, M>,
) -> Result<f64, TrainError> {
    if model.parameter_count() == 0 {
        return Err(TrainError::NoParameters);
    }
    let loss = loss_of(model, objective);
    if loss.is_finite() { Ok(loss) } else { Err(TrainError::NonFinite { quantity: "the loss" }) }
}
