//! What a batch of environments did for some steps.

use bptt_autodiff::{Tape, Var};
use bptt_layers::{CarriedState, Layer, Recurrence};
use bptt_tensor::{Scalar, Tensor};

/// `T` steps of `B` environments. Observations and beginnings have one step more: what the agent sees after its last
/// action, from which the rest of an unfinished episode is estimated.
#[derive(Clone, Debug)]
pub struct Rollout<T> {
    /// The state of the agent before the first step.
    pub start: CarriedState<T>,
    /// What the agent saw, `[T + 1, B, I]`.
    pub observations: Tensor<T>,
    /// 1 at the first step of an episode, else 0: `[T + 1, B]`.
    pub begins: Tensor<T>,
    /// The actions, `[T, B]` in row-major order.
    pub actions: Vec<usize>,
    /// The rewards of the actions, `[T, B]`.
    pub rewards: Tensor<T>,
}

impl<T: Scalar> Rollout<T> {
    /// Returns the number of steps, `T`.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.rewards.shape()[0]
    }

    /// Returns the number of environments, `B`.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.rewards.shape()[1]
    }

    /// Runs a layer over the observations, from the state that the agent had and with the state begun anew at each
    /// episode. Returns the outputs `[T + 1, B, O]`, for a loss.
    ///
    /// # Panics
    ///
    /// If the layer does not read observations, or has another state than the agent.
    #[track_caller]
    #[must_use]
    pub fn run<'t, L: Layer<T>>(&self, layer: &L, tape: &'t Tape<T>) -> Var<'t, T> {
        let start = self.start.state(layer, tape, self.batch());
        let observations = tape.constant(self.observations.clone());
        Recurrence::new(layer).resets(&self.begins).run(observations, start).0
    }

    /// Returns the discounted sum of the rewards from each step on, `[T, B]`:
    ///
    /// ```text
    /// G_t = r_t                 if the episode ends with step t
    /// G_t = r_t + γ G_{t+1}     otherwise
    /// ```
    ///
    /// `rest` estimates `G_T` of the episodes that the rollout leaves unfinished, `[B]`: the value of the last observation,
    /// or zeros.
    ///
    /// ```
    /// use bptt_layers::CarriedState;
    /// use bptt_tasks::environments::Rollout;
    /// use bptt_tensor::Tensor;
    ///
    /// let rollout = Rollout {
    ///     start: CarriedState::new(),
    ///     observations: Tensor::<f64>::zeros([4, 1, 2]),
    ///     begins: Tensor::from_vec([4, 1], vec![1.0, 0.0, 1.0, 0.0]), // an episode ends with step 1
    ///     actions: vec![0; 3],
    ///     rewards: Tensor::from_vec([3, 1], vec![1.0, 2.0, 3.0]),
    /// };
    /// assert_eq!(rollout.returns(0.5, &[8.0]).to_vec(), [2.0, 2.0, 7.0]);
    /// ```
    ///
    /// # Panics
    ///
    /// If there is not one estimate for each environment.
    #[track_caller]
    #[must_use]
    pub fn returns(&self, discount: f64, rest: &[T]) -> Tensor<T> {
        let (steps, batch) = (self.steps(), self.batch());
        assert!(
            rest.len() == batch,
            "{batch} environments need as many estimates, not {}",
            rest.len()
        );
        let mut returns = self.rewards.clone();
        let (values, begins) = (returns.as_mut_slice(), self.begins.as_slice());
        let discount = T::of(discount);
        for at in (0..steps * batch).rev() {
            let next = at + batch;
            if begins[next] == T::zero() {
                let rest =
                    if next < values.len() { values[next] } else { rest[next - values.len()] };
                values[at] += discount * rest;
            }
        }
        returns
    }

    /// Checks that these are the outputs of a layer over the rollout, with one for each of `actions` actions.
    #[track_caller]
    pub(crate) fn check(&self, operation: &str, outputs: &[usize], actions: usize) {
        let (steps, batch) = (self.steps(), self.batch());
        assert!(
            outputs.len() == 3 && outputs[..2] == [steps + 1, batch],
            "{operation}: a rollout of {steps} steps has outputs [{}, {batch}, ..], not {outputs:?}; `Rollout::run` \
             returns them",
            steps + 1
        );
        if let Some(action) = self.actions.iter().find(|&&action| action >= actions) {
            panic!(
                "{operation}: action {action} has no output, since the outputs {outputs:?} are of {actions} actions"
            );
        }
    }
}
