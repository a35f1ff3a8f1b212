//! Agents: what a layer learns from the rewards of an environment.
//!
//! An agent is any [layer](bptt_layers::Layer) with a readout, with memory or without. [`PolicyGradient`] reads its
//! outputs as logits of the actions, [`QLearning`] as their values. Both are a loss of a
//! [`Rollout`](crate::environments::Rollout), so that training is the usual loop:
//!
//! ```
//! use bptt_autodiff::Tape;
//! use bptt_layers::{Adam, Gru, Linear, Optimizer};
//! use bptt_tasks::agents::{Policy, PolicyGradient};
//! use bptt_tasks::environments::{Environments, TMaze};
//!
//! let rng = &mut bptt_layers::rng(0);
//! let mut model = (Gru::<f32>::new(rng, 3, 8), Linear::new(rng, 8, 4 + 1)); // four actions, and the baseline
//! let mut mazes = Environments::new(vec![TMaze::new(3); 16], rng);
//! let (recipe, mut optimizer) = (PolicyGradient::new(0.98).entropy(0.01), Adam::new(0.01));
//! for _ in 0..3 {
//!     let rollout = mazes.rollout(&model, Policy::Softmax, 20, rng);
//!     let tape = Tape::new();
//!     let loss = recipe.loss(rollout.run(&model, &tape), &rollout);
//!     let gradients = tape.backward(loss);
//!     drop(tape);
//!     optimizer.step(&mut model, &gradients);
//! }
//! ```

mod policy;
mod policy_gradient;
mod q_learning;

pub use policy::Policy;
pub use policy_gradient::PolicyGradient;
pub use q_learning::QLearning;

/// Returns the discount if it is one.
#[track_caller]
fn checked(discount: f64) -> f64 {
    assert!((0.0..=1.0).contains(&discount), "a discount is between 0 and 1, not {discount}");
    discount
}
