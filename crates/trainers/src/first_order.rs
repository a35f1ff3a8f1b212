//! Optimizers as trainers.

use bptt_autodiff::Tape;
use bptt_layers::weights::{Archive, WeightsError};
use bptt_layers::{Module, NonFiniteGradient, Optimizer, clip_norm};
use bptt_tensor::Scalar;

use crate::error::TrainError;
use crate::objective::ObjectiveFn;
use crate::trainer::{Progress, Trainer};

/// An [`Optimizer`] as a [`Trainer`]: a step computes the gradient and passes it to the optimizer.
#[derive(Clone, Debug)]
pub struct FirstOrder<O> {
    optimizer: O,
    max_norm: f64,
}

impl<O> FirstOrder<O> {
    /// Creates a trainer that does not clip gradients.
    #[must_use]
    pub fn new(optimizer: O) -> Self {
        Self { optimizer, max_norm: f64::INFINITY }
    }

    /// Clips the norm of the gradient of all parameters together, by [`clip_norm`].
    ///
    /// # Panics
    ///
    /// If `max_norm` is not positive.
    #[track_caller]
    #[must_use]
    pub fn max_norm(self, max_norm: f64) -> Self {
        assert!(max_norm > 0.0, "a norm to clip to is positive, not {max_norm}");
        Self { max_norm, ..self }
    }

    /// Returns the optimizer, for instance to change its learning rate.
    pub fn optimizer_mut(&mut self) -> &mut O {
        &mut self.optimizer
    }
}

impl<T: Scalar, M: Module<T>, O: Optimizer<T>> Trainer<T, M> for FirstOrder<O> {
    #[track_caller]
    fn step(
        &mut self,
        model: &mut M,
        objective: &ObjectiveFn<'_, T, M>,
    ) -> Result<Progress, TrainError> {
        let (loss, mut gradients) = {
            let tape = Tape::new();
            let objective = objective(model, &tape);
            (objective.value(), tape.backward(objective.loss))
        };
        if !loss.is_finite() {
            return Err(TrainError::NonFinite { quantity: "the loss" });
        }
        clip_norm(model, &mut gradients, self.max_norm).map_err(
            |NonFiniteGradient { .. }| TrainError::NonFinite { quantity: "the gradient" },
        )?;
        self.optimizer.step(model, &gradients);
        Ok(Progress { loss, loss_after: None, passes: 1 })
    }

    fn state(&self, _model: &M) -> Archive<T> {
        self.optimizer.state()
    }

    fn restore(&mut self, model: &M, state: &Archive<T>) -> Result<(), WeightsError> {
        self.optimizer.restore(model, state)
    }
}
