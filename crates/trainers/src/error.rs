//! Why a trainer makes no step.

/// Why a trainer makes no step. The parameters are as they were before the call.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The objective has no residuals.
    #[error(
        "{trainer} needs residuals, and the objective has none: return \
         `Objective::squares(outputs - targets)`, or choose a trainer for any loss, such as `FirstOrder`"
    )]
    NoResiduals {
        /// The trainer, such as `"LevenbergMarquardt"`.
        trainer: &'static str,
    },

    /// The objective does not say of which outputs its loss is a function.
    #[error(
        "{trainer} needs the outputs of the model: return `Objective::of_outputs(outputs, loss)` or \
         `Objective::squares(residuals)`"
    )]
    NoOutputs {
        /// The trainer, such as `"HessianFree"`.
        trainer: &'static str,
    },

    /// The loss does not depend on the outputs that the objective names.
    #[error(
        "the loss does not depend on the outputs: compute it from the same variable that \
         `Objective::of_outputs` is given, not from another with the same values"
    )]
    UnusedOutputs,

    /// Structural damping has no hidden states.
    #[error(
        "structural damping needs the hidden states: name them by `Objective::hidden`, or set it to 0"
    )]
    NoHiddenStates,

    /// The model has no parameters, so there is nothing to train.
    #[error("the model has no parameters; a field with `#[module(skip)]` is not a parameter")]
    NoParameters,

    /// A regression has no observations.
    #[error("there are no observations; give some by `observe`")]
    NoObservations,

    /// A number is NaN or infinite.
    #[error(
        "{quantity} is not finite: start from smaller weights, check the data, or find the equation at fault with \
         `Tape::checking`"
    )]
    NonFinite {
        /// What is not finite, such as `"the loss"`.
        quantity: &'static str,
    },

    /// A matrix that a step needs is not positive definite.
    #[error("{matrix} is not positive definite: {remedy}")]
    NotPositiveDefinite {
        /// The matrix, such as `"Xᵀ X + λ I"`.
        matrix: &'static str,
        /// What to do.
        remedy: &'static str,
    },

    /// No step that was tried makes the loss smaller.
    #[error("no step makes the loss {loss:e} smaller: {advice}")]
    NoProgress {
        /// The loss at the present parameters.
        loss: f64,
        /// What to do.
        advice: &'static str,
    },
}
