//! Environments that an agent acts in.
//!
//! An [`Environment`] shows an observation, takes an action and returns a reward, until its episode ends.
//! [`Environments`] runs a batch of them with one layer as the agent, and records a [`Rollout`]. An environment whose
//! episode has ended begins the next one at once, so the episodes of a batch begin at different steps of one run. The
//! [agents](crate::agents) learn from rollouts.

mod batch;
mod rollout;
mod t_maze;

use rand::Rng;

pub use batch::Environments;
pub use rollout::Rollout;
pub use t_maze::TMaze;

/// A world with discrete actions, whose time passes in episodes. It may hide its state: what an agent sees is the
/// observation alone.
///
/// ```
/// use bptt_layers::{Xoshiro256PlusPlus, rng};
/// use bptt_tasks::environments::{Environment, Outcome};
/// use rand::{Rng, RngExt};
///
/// /// A coin that the agent guesses without seeing it.
/// struct Coin(usize);
///
/// impl Environment for Coin {
///     fn observation_size(&self) -> usize { 1 }
///     fn action_count(&self) -> usize { 2 }
///     fn begin(&mut self, rng: &mut impl Rng) { self.0 = rng.random_range(0..2); }
///     fn observation(&self) -> Vec<f64> { vec![1.0] }
///     fn act(&mut self, action: usize, _: &mut impl Rng) -> Outcome {
///         Outcome { reward: f64::from(action == self.0), is_last: true }
///     }
/// }
///
/// let mut coin = Coin(0);
/// coin.begin(&mut rng(0));
/// assert!(coin.act(1, &mut rng(0)).is_last);
/// ```
pub trait Environment {
    /// Returns the number of features of an observation.
    #[must_use]
    fn observation_size(&self) -> usize;

    /// Returns the number of actions. They count from 0.
    #[must_use]
    fn action_count(&self) -> usize;

    /// Begins an episode.
    fn begin(&mut self, rng: &mut impl Rng);

    /// Returns what the agent sees before its next action.
    #[must_use]
    fn observation(&self) -> Vec<f64>;

    /// Takes an action.
    ///
    /// # Panics
    ///
    /// If there is no such action.
    fn act(&mut self, action: usize, rng: &mut impl Rng) -> Outcome;
}

/// What follows from an action.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// The reward.
    pub reward: f64,
    /// Whether the action ends the episode.
    pub is_last: bool,
}
