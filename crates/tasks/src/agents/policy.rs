//! How an action is chosen from the outputs of a layer.

use bptt_layers::decode::Sampling;
use bptt_tensor::Scalar;
use rand::{Rng, RngExt};

/// How an agent chooses an action, given an output for each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Policy {
    /// Draws an action with the probabilities `softmax(outputs)`. A [policy gradient](super::PolicyGradient) needs this
    /// one.
    Softmax,
    /// Takes the action of the largest output, but with probability `ε` one of all at random.
    EpsilonGreedy(f64),
}

impl Policy {
    /// Takes the action of the largest output, and the first of equals.
    pub const GREEDY: Self = Self::EpsilonGreedy(0.0);

    /// Chooses an action.
    ///
    /// # Panics
    ///
    /// If there are no outputs, or one is NaN.
    #[track_caller]
    #[must_use]
    pub fn choose<T: Scalar>(self, outputs: &[T], rng: &mut impl Rng) -> usize {
        match self {
            Self::EpsilonGreedy(epsilon) if rng.random::<f64>() < epsilon => {
                rng.random_range(0..outputs.len())
            }
            Self::EpsilonGreedy(_) => Sampling::new().temperature(0.0).draw(outputs, rng),
            Self::Softmax => Sampling::new().draw(outputs, rng),
        }
    }
}
