//! Runs that diverge.

use bptt::NonFiniteGradient;
use bptt::autodiff::NonFinite;

/// A run has diverged if its loss is above this many times that of guessing. The loss need not become infinite, since
/// gates bound the outputs for weights of any size.
const DIVERGED: f64 = 10.0;

/// How a training run diverged.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Divergence {
    /// An operation of the model computed a NaN or an infinity.
    #[error("step {step}: {fault}")]
    Value {
        /// The step, counted from 1.
        step: usize,
        /// The operation.
        fault: Box<NonFinite>,
    },
    /// A gradient has a NaN or an infinity.
    #[error("step {step}: the gradient of `{}` is not finite", .fault.parameter)]
    Gradient {
        /// The step, counted from 1.
        step: usize,
        /// The gradient.
        fault: NonFiniteGradient,
    },
    /// The model predicts far worse than guessing.
    #[error("step {step}: a loss of {loss} nats, where guessing has {guessing:.2}")]
    Loss {
        /// The step, counted from 1.
        step: usize,
        /// The loss of the window, or of the validation text after the step.
        loss: f64,
        /// The loss of the uniform distribution.
        guessing: f64,
    },
}

impl Divergence {
    /// Checks a loss, in nats, among so many tokens.
    ///
    /// # Errors
    ///
    /// It is negative, not a number, or far above that of guessing.
    pub fn check(step: usize, loss: f64, vocabulary_size: usize) -> Result<(), Self> {
        let guessing = (vocabulary_size as f64).ln();
        if (0.0..=DIVERGED * guessing.max(1.0)).contains(&loss) {
            Ok(())
        } else {
            Err(Self::Loss { step, loss, guessing })
        }
    }
}
