//! Q-learning.

use bptt_autodiff::Var;
use bptt_tensor::{Scalar, Tensor};

use super::checked;
use crate::environments::Rollout;

/// Q-learning (Watkins 1989) with a network (Mnih et al. 2015), which may have a memory (Hausknecht and Stone 2015).
///
/// A layer returns the value `Q_t(a)` of each of `A` actions: the discounted sum of rewards if the best actions follow. The
/// loss is the mean over all steps of
///
/// ```text
/// ½ (y_t − Q_t(a_t))²     y_t = r_t                           if the episode ends with step t
///                         y_t = r_t + γ max_a Q⁻_{t+1}(a)     otherwise
/// ```
///
/// `Q⁻` are the values of a *target network*, an earlier copy of the layer, so that the targets rest while `Q` moves toward
/// them. The actions may be chosen in any way that tries all; [`Policy::EpsilonGreedy`](super::Policy::EpsilonGreedy) is
/// usual. Many environments in different phases of their episodes take the place of a replay memory.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::{Adam, Gru, Linear, Optimizer};
/// use bptt_tasks::agents::{Policy, QLearning};
/// use bptt_tasks::environments::{Environments, TMaze};
///
/// let rng = &mut bptt_layers::rng(0);
/// let mut model = (Gru::<f32>::new(rng, 3, 8), Linear::new(rng, 8, 4));
/// let mut target = model.clone();
/// let mut mazes = Environments::new(vec![TMaze::new(3); 16], rng);
/// let (recipe, mut optimizer) = (QLearning::new(0.98), Adam::new(0.01));
/// for update in 0..6 {
///     if update % 3 == 0 {
///         target = model.clone();
///     }
///     let rollout = mazes.rollout(&model, Policy::EpsilonGreedy(0.1), 20, rng);
///     let target_values = rollout.run(&target, &Tape::inference()).value();
///     let tape = Tape::new();
///     let loss = recipe.loss(rollout.run(&model, &tape), &target_values, &rollout);
///     let gradients = tape.backward(loss);
///     drop(tape);
///     optimizer.step(&mut model, &gradients);
/// }
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct QLearning {
    discount: f64,
}

impl QLearning {
    /// Creates the recipe with this discount `γ` of rewards.
    ///
    /// # Panics
    ///
    /// If the discount is not between 0 and 1.
    #[track_caller]
    pub fn new(discount: f64) -> Self {
        Self { discount: checked(discount) }
    }

    /// Returns the loss of the values `Q` of a layer, given the values of its target network. Both are `[T + 1, B, A]`, as
    /// [`Rollout::run`] returns them.
    ///
    /// # Panics
    ///
    /// If the values do not have the extents of the rollout, or are too few for its actions.
    #[track_caller]
    #[must_use]
    pub fn loss<'t, T: Scalar>(
        &self,
        values: Var<'t, T>,
        target_values: &Tensor<T>,
        rollout: &Rollout<T>,
    ) -> Var<'t, T> {
        let actions = values.shape().last().copied().unwrap_or(0);
        rollout.check("Q-learning", &values.shape(), actions);
        let (steps, batch) = (rollout.steps(), rollout.batch());
        let of_actions =
            rollout.actions.iter().enumerate().map(|(at, action)| at * actions + action);
        let all = values.reshape([(steps + 1) * batch * actions]);
        let chosen = all.gather_rows(&of_actions.collect::<Vec<_>>()).reshape([steps, batch]);
        (chosen - &self.targets(target_values, rollout)).square().mean_all() * 0.5
    }

    /// Returns the targets `y: [T, B]`, given the values of the target network, `[T + 1, B, A]`.
    ///
    /// # Panics
    ///
    /// As [`loss`](Self::loss).
    #[track_caller]
    #[must_use]
    pub fn targets<T: Scalar>(&self, target_values: &Tensor<T>, rollout: &Rollout<T>) -> Tensor<T> {
        let actions = target_values.shape().last().copied().unwrap_or(0);
        rollout.check("Q-learning, target values", target_values.shape(), actions);
        let after = 1..rollout.steps() + 1;
        let best = target_values.slice(0, after.clone()).max(&[-1]); // [T, B]
        let goes_on = rollout.begins.slice(0, after).map(|begins| T::one() - begins);
        &rollout.rewards + &best * &goes_on * self.discount
    }
}
