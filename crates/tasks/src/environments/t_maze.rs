//! A maze whose first step tells the turn at its end.

use bptt_tensor::{Scalar, Tensor};
use rand::{Rng, RngExt};

use super::{Environment, Outcome, Rollout};

/// The T-maze (Bakker 2002): a corridor of `N` steps ends at a junction. A sign at its start tells whether the goal lies
/// north or south of the junction.
///
/// ```text
/// position       0: sign north   0: sign south   1 … N − 1   N: junction
/// observation        0 1 1           1 1 0         1 0 1        0 1 0
/// ```
///
/// The actions move one step [north](Self::NORTH), [east](Self::EAST), [south](Self::SOUTH) or [west](Self::WEST). A step
/// costs nothing. An action against a wall is rewarded with −0.1, and moves nothing. At the junction, north and south end
/// the episode: the goal is rewarded with 4, the other side with −0.1.
///
/// The junction looks the same after both signs. Whatever an agent without memory learns, it therefore reaches the goal in
/// half of the episodes at most, in the mean.
#[derive(Clone, Debug)]
pub struct TMaze {
    corridor: usize,
    position: usize,
    /// The action at the junction that reaches the goal.
    goal: usize,
}

impl TMaze {
    /// The action that moves north.
    pub const NORTH: usize = 0;
    /// The action that moves east, toward the junction.
    pub const EAST: usize = 1;
    /// The action that moves south.
    pub const SOUTH: usize = 2;
    /// The action that moves west, toward the sign.
    pub const WEST: usize = 3;

    /// The reward of the goal.
    pub const GOAL: f64 = 4.0;
    /// The reward of a step against a wall, and of the wrong turn.
    pub const PENALTY: f64 = -0.1;

    /// Creates a maze whose junction is this number of steps from its start.
    ///
    /// # Panics
    ///
    /// If the corridor has no steps: the sign would stand at the junction.
    #[track_caller]
    #[must_use]
    pub fn new(corridor: usize) -> Self {
        assert!(corridor > 0, "a T-maze has a corridor of at least one step");
        Self { corridor, position: 0, goal: Self::NORTH }
    }

    /// Returns the share of environments that reach the goal in the first episode of a rollout. An episode that the rollout
    /// leaves unfinished does not reach it.
    #[must_use]
    pub fn goals<T: Scalar>(rollout: &Rollout<T>) -> f64 {
        let (batch, begins) = (rollout.batch(), rollout.begins.as_slice());
        let reaches = |&b: &usize| {
            let mut steps = (b..rollout.rewards.len()).step_by(batch);
            let last = steps.find(|at| begins[at + batch] != T::zero());
            last.is_some_and(|at| rollout.rewards.as_slice()[at] > T::zero())
        };
        (0..batch).filter(reaches).count() as f64 / batch as f64
    }

    /// Returns the task without exploration, for supervised learning. The inputs are the observations of straight walks
    /// from the sign to the junction, `[N + 1, B, 3]`. The target of each is its turn, 0 for north and 1 for south.
    #[must_use]
    pub fn walks<T: Scalar>(&self, batch: usize, rng: &mut impl Rng) -> (Tensor<T>, Vec<usize>) {
        let mut maze = self.clone();
        let mut walks = vec![T::zero(); (self.corridor + 1) * batch * 3];
        let turns = (0..batch).map(|b| {
            maze.begin(rng);
            for t in 0..=self.corridor {
                let seen = maze.observation().into_iter().map(T::of);
                walks[(t * batch + b) * 3..].iter_mut().zip(seen).for_each(|(x, seen)| *x = seen);
                maze.position += usize::from(t < self.corridor);
            }
            usize::from(maze.goal == Self::SOUTH)
        });
        let turns = turns.collect();
        (Tensor::from_vec([self.corridor + 1, batch, 3], walks), turns)
    }
}

impl Environment for TMaze {
    fn observation_size(&self) -> usize {
        3
    }

    fn action_count(&self) -> usize {
        4
    }

    fn begin(&mut self, rng: &mut impl Rng) {
        self.position = 0;
        self.goal = if rng.random() { Self::NORTH } else { Self::SOUTH };
    }

    fn observation(&self) -> Vec<f64> {
        match self.position {
            0 if self.goal == Self::NORTH => vec![0.0, 1.0, 1.0],
            0 => vec![1.0, 1.0, 0.0],
            at if at == self.corridor => vec![0.0, 1.0, 0.0],
            _ => vec![1.0, 0.0, 1.0],
        }
    }

    #[track_caller]
    fn act(&mut self, action: usize, _: &mut impl Rng) -> Outcome {
        let is_at_junction = self.position == self.corridor;
        let (reward, is_last) = match action {
            Self::NORTH | Self::SOUTH if is_at_junction => {
                (if action == self.goal { Self::GOAL } else { Self::PENALTY }, true)
            }
            Self::EAST if !is_at_junction => {
                self.position += 1;
                (0.0, false)
            }
            Self::WEST if self.position > 0 => {
                self.position -= 1;
                (0.0, false)
            }
            Self::NORTH | Self::EAST | Self::SOUTH | Self::WEST => (Self::PENALTY, false),
            _ => panic!("a T-maze has the actions 0 to 3, not {action}"),
        };
        Outcome { reward, is_last }
    }
}
