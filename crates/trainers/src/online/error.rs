//! Why a learner makes no step.

/// Why a learner makes no step. The learner is as it was before the call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OnlineError {
    /// A number is NaN or infinite.
    #[error(
        "{quantity} of sequence {sequence} is not finite at step {step}: check the inputs; if the recurrence diverges, \
         restart from earlier weights with a smaller learning rate or clipped gradients, and `reset` the learner"
    )]
    NonFinite {
        /// What is not finite: `"the state"`, `"the influence of the parameters"` or `"the gradient"`.
        quantity: &'static str,
        /// The sequence of the batch.
        sequence: usize,
        /// The number of steps of this sequence before.
        step: u64,
    },

    /// The loss, or its gradient with respect to the outputs, is NaN or infinite.
    #[error("{quantity} is not finite: check the targets and the range of the outputs")]
    NonFiniteLoss {
        /// What is not finite: `"the loss"` or `"the gradient of the loss"`.
        quantity: &'static str,
    },

    /// The input has another batch than those before.
    #[error(
        "the learner follows a batch of {expected} sequences, and the input has {found}: `reset` the learner to begin \
         with another batch"
    )]
    Batch {
        /// The number of sequences of the input.
        found: usize,
        /// The number of sequences that the learner follows.
        expected: usize,
    },

    /// The traced variables of the state are not an elementwise recurrence.
    #[error(
        "`{variable}` is not an elementwise recurrence: {cause}, so `Traces` do not hold its past; trace other \
         variables by `Traces::of`, or choose `Snap1`, `RealTime` or `Uoro`"
    )]
    NotElementwise {
        /// The path of the variable of the state, such as `state.1`.
        variable: String,
        /// What mixes its elements, such as "element 1 of `state` before influences another of its elements".
        cause: String,
    },
}
