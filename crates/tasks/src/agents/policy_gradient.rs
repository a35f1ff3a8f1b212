//! The policy gradient.

use bptt_autodiff::Var;
use bptt_layers::loss;
use bptt_tensor::Scalar;

use super::checked;
use crate::environments::Rollout;

/// REINFORCE with a baseline (Williams 1992): actions that led to more than was expected become more probable.
///
/// A layer returns the logits of `A` actions and a baseline `b_t`, the return that it expects. With the returns
/// [`G_t`](Rollout::returns) and the policy `π = softmax(logits)`, the loss is the mean over all steps of
///
/// ```text
/// −(G_t − b_t) ln π(a_t)  +  ½ (G_t − b_t)²  −  β H(π)
/// ```
///
/// In the first term the *advantage* `G_t − b_t` is a constant, and in the second `G_t`. The gradient of the first is minus
/// the *score function* estimate of the gradient of the return. A baseline that does not depend on the action leaves the
/// expectation of this estimate as it is, and lowers its variance. The entropy `H = −Σ π ln π` keeps the policy from
/// becoming certain too early. Its weight `β` is 0 by default.
///
/// Where a rollout leaves an episode unfinished, the baseline of the last observation estimates the rest.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct PolicyGradient {
    discount: f64,
    entropy: f64,
}

impl PolicyGradient {
    /// Creates the recipe with this discount `γ` of rewards.
    ///
    /// # Panics
    ///
    /// If the discount is not between 0 and 1.
    #[track_caller]
    pub fn new(discount: f64) -> Self {
        Self { discount: checked(discount), entropy: 0.0 }
    }

    /// Sets the weight `β` of the entropy, in units of the reward per nat.
    pub fn entropy(self, entropy: f64) -> Self {
        Self { entropy, ..self }
    }

    /// Returns the loss of outputs `[T + 1, B, A + 1]`, as [`Rollout::run`] returns them: the logits of the actions, then
    /// the baseline.
    ///
    /// # Panics
    ///
    /// If the outputs do not have the extents of the rollout, or are too few for its actions and a baseline.
    #[track_caller]
    #[must_use]
    pub fn loss<'t, T: Scalar>(&self, outputs: Var<'t, T>, rollout: &Rollout<T>) -> Var<'t, T> {
        let (steps, batch) = (rollout.steps(), rollout.batch());
        let actions = outputs.shape().last().map_or(0, |features| features.saturating_sub(1));
        rollout.check("policy gradient", &outputs.shape(), actions);
        let baselines = outputs.slice(-1, actions..actions + 1).reshape([steps + 1, batch]);
        let rest = baselines.index_first(steps).value();
        let returns = rollout.returns(self.discount, rest.as_slice()); // [T, B]
        let advantages = -(baselines.slice(0, 0..steps) - &returns);

        let logits = outputs.slice(-1, 0..actions).slice(0, 0..steps); // [T, B, A]
        let policy =
            loss::cross_entropy(logits, &rollout.actions).weighted(&advantages.value()).mean();
        let entropy = -(logits.softmax(-1) * logits.log_softmax(-1)).sum(&[-1]).mean_all();
        policy + advantages.square().mean_all() * 0.5 - entropy * self.entropy
    }
}
