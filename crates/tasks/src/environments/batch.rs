//! Environments that run side by side, with one layer as the agent of all.

use bptt_autodiff::{Tape, Tree};
use bptt_layers::{CarriedState, Stepwise, stepper};
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use super::{Environment, Rollout};
use crate::agents::Policy;

/// A batch of `B` environments of one kind, in which a layer acts.
///
/// The layer reads observations `[B, I]`. Its first outputs are those of the actions; others, such as a baseline, may
/// follow. Its state begins anew with each episode, and is carried from rollout to rollout.
///
/// ```
/// use bptt_layers::{Linear, Lstm, rng};
/// use bptt_tasks::agents::Policy;
/// use bptt_tasks::environments::{Environments, TMaze};
///
/// let rng = &mut rng(0);
/// let model = (Lstm::<f32>::new(rng, 3, 8), Linear::new(rng, 8, 4));
/// let mut mazes = Environments::new(vec![TMaze::new(5); 16], rng);
/// let rollout = mazes.rollout(&model, Policy::Softmax, 20, rng);
/// assert_eq!(rollout.rewards.shape().to_vec(), [20, 16]);
/// ```
#[derive(Clone, Debug)]
pub struct Environments<E, T> {
    environments: Vec<E>,
    /// Whether the next step of each is the first of its episode.
    begins: Vec<bool>,
    state: CarriedState<T>,
}

impl<E: Environment, T: Scalar> Environments<E, T> {
    /// Begins an episode in each environment.
    ///
    /// # Panics
    ///
    /// If there are none.
    #[track_caller]
    #[must_use]
    pub fn new(mut environments: Vec<E>, rng: &mut impl Rng) -> Self {
        assert!(!environments.is_empty(), "a batch has at least one environment");
        environments.iter_mut().for_each(|environment| environment.begin(rng));
        let begins = vec![true; environments.len()];
        Self { environments, begins, state: CarriedState::new() }
    }

    /// Runs all environments for some steps, and continues their episodes in the next call. The layer as it is now chooses
    /// the actions, by `policy`.
    ///
    /// # Panics
    ///
    /// If the layer does not read observations, has fewer outputs than there are actions, or is another than that of the
    /// rollouts before.
    #[track_caller]
    pub fn rollout<L: Stepwise<T>>(
        &mut self,
        layer: &L,
        policy: Policy,
        steps: usize,
        rng: &mut impl Rng,
    ) -> Rollout<T> {
        let batch = self.environments.len();
        let [features, actions] =
            [self.environments[0].observation_size(), self.environments[0].action_count()];
        let start = self.state.clone();
        let values = start.state(layer, &Tape::inference(), batch).values();
        let mut agent = stepper(layer, [batch, features]);
        agent.set_state(&values);
        let outputs = agent.output(0).len() / batch;
        assert!(
            outputs >= actions,
            "{actions} actions need as many outputs of the layer, which has {outputs}"
        );

        let mut rollout = Recorded::default();
        rollout.see(self);
        for _ in 0..steps {
            let begun = (0..batch).filter(|&b| self.begins[b]).collect::<Vec<_>>();
            agent.reset(&begun);
            agent.step(&[&rollout.observations[rollout.observations.len() - batch * features..]]);
            let rows = agent.output(0).chunks(outputs);
            for ((environment, begins), row) in
                self.environments.iter_mut().zip(&mut self.begins).zip(rows)
            {
                let action = policy.choose(&row[..actions], rng);
                let outcome = environment.act(action, rng);
                if outcome.is_last {
                    environment.begin(rng);
                }
                *begins = outcome.is_last;
                rollout.actions.push(action);
                rollout.rewards.push(T::of(outcome.reward));
            }
            rollout.see(self);
        }
        let last = values.iter().enumerate();
        self.state = CarriedState::from_values(
            last.map(|(j, like)| Tensor::from_slice(like.shape(), agent.state(j))).collect(),
        );
        Rollout {
            start,
            observations: Tensor::from_vec([steps + 1, batch, features], rollout.observations),
            begins: Tensor::from_vec([steps + 1, batch], rollout.begins),
            actions: rollout.actions,
            rewards: Tensor::from_vec([steps, batch], rollout.rewards),
        }
    }
}

/// The steps of a rollout so far, in row-major order.
#[derive(Default)]
struct Recorded<T> {
    observations: Vec<T>,
    begins: Vec<T>,
    actions: Vec<usize>,
    rewards: Vec<T>,
}

impl<T: Scalar> Recorded<T> {
    /// Records what the agent sees before its next actions.
    fn see<E: Environment>(&mut self, seen: &Environments<E, T>) {
        let observations = seen.environments.iter().flat_map(E::observation);
        self.observations.extend(observations.map(T::of));
        self.begins.extend(seen.begins.iter().map(|&begins| T::of(f64::from(begins))));
    }
}
