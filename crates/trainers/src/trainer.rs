//! The interface of trainers.

use std::fmt;

use bptt_layers::Module;
use bptt_layers::weights::{Archive, WeightsError};
use bptt_tensor::Scalar;

use crate::error::TrainError;
use crate::objective::ObjectiveFn;

/// Changes the parameters of a model so that an objective becomes smaller.
///
/// Optimizers are given gradients. A trainer is given the [objective](crate::Objective) as a function of the model, and
/// evaluates it, its gradient, or products with its curvature as often as it needs. [`FirstOrder`](crate::FirstOrder)
/// makes an optimizer a trainer, so that programs can choose among all of them:
///
/// ```
/// use bptt_layers::{Adam, Linear, Module};
/// use bptt_tensor::Tensor;
/// use bptt_trainers::{FirstOrder, LevenbergMarquardt, Objective, Trainer};
///
/// type Model = Linear<f64>;
///
/// let mut rng = bptt_layers::rng(0);
/// let xs = Tensor::normal([20, 3], 0.0, 1.0, &mut rng);
/// let ys = xs.sum_keep(&[1]) * 0.5;
/// let trainers: [(Box<dyn Trainer<f64, Model>>, usize); 2] = [
///     (Box::new(FirstOrder::new(Adam::new(0.05))), 300),
///     (Box::new(LevenbergMarquardt::new()), 3),
/// ];
/// for (mut trainer, steps) in trainers {
///     let mut model = Model::new(&mut bptt_layers::rng(1), 3, 1);
///     let mut loss = f64::INFINITY;
///     for _ in 0..steps {
///         let progress = trainer.step(&mut model, &|model, tape| {
///             Objective::squares(model.forward(tape.constant(xs.clone())) - &ys)
///         })?;
///         loss = progress.loss;
///     }
///     assert!(loss < 1e-3, "{loss}");
/// }
/// # Ok::<(), bptt_trainers::TrainError>(())
/// ```
///
/// A trainer serves one model. Its results have the same bits for any number of threads.
pub trait Trainer<T: Scalar, M: Module<T>>: fmt::Debug {
    /// Makes a step: changes the parameters once.
    ///
    /// # Errors
    ///
    /// If the objective does not suit the trainer, a number is not finite, or the trainer finds no step. The error says what
    /// to do. The parameters are then as they were.
    ///
    /// # Panics
    ///
    /// As the equations do, or if the trainer notices that an earlier step trained another model.
    #[track_caller]
    fn step(
        &mut self,
        model: &mut M,
        objective: &ObjectiveFn<'_, T, M>,
    ) -> Result<Progress, TrainError>;

    /// Returns the state of the trainer of this model, without its hyperparameters.
    #[must_use]
    fn state(&self, model: &M) -> Archive<T>;

    /// Replaces the state of the trainer by one that [`state`](Self::state) returned. Training then continues as if it
    /// had never stopped, to the bit.
    ///
    /// # Errors
    ///
    /// If the state is not that of such a trainer of this model. The trainer then stays as it was.
    fn restore(&mut self, model: &M, state: &Archive<T>) -> Result<(), WeightsError>;
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// The loss before the step.
    pub loss: f64,
    /// The loss after the step, if the trainer computed it.
    pub loss_after: Option<f64>,
    /// About how many passes through the model the step made. The number compares steps of one trainer, and not trainers.
    pub passes: usize,
}
