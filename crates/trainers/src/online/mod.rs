//! Gradients forward in time, without a stored past.
//!
//! An [`OnlineLearner`] gives the gradient of the loss of every step as soon as the step is made, for sequences that
//! never end. Any [`Optimizer`](bptt_layers::Optimizer) takes it, at every step or summed over several.
//!
//! | learner | gradient | layers | memory | time of a step |
//! |---|---|---|---|---|
//! | [`RealTime`] | exact | any | `S·P` | `S` reverse passes, and `S²·P` |
//! | [`Snap1`] | without paths through other units | any | entries `K` of one step | `S` reverse passes, and `S·K` |
//! | [`Traces`] | exact | elementwise | `V·P` | `3V + 1` reverse passes |
//! | [`Traces::of`] | without paths through the other variables | with an elementwise memory, such as `c` of an `Lstm` | `V·P` | `3V + 1` reverse passes |
//! | [`Uoro`] | random, with the exact one as its expectation | any | `S + P` | 4 reverse passes |
//!
//! Costs are those of one sequence. `S` is the number of elements of the state, `P` that of the parameters that
//! influence the state, and `V` that of the traced variables of the state. A reverse pass is one through one step of
//! one sequence. None depends on the number of steps. `Traces` of more than 32
//! units need `2V` passes more, and so on for each factor of 32.

mod codes;
mod delegation;
mod engine;
mod error;
mod learner;
mod method;
mod real_time;
mod recorded_step;
mod saved;
mod snap1;
mod sparse;
mod traces;
mod units;
mod uoro;

pub use error::OnlineError;
pub use learner::{LossFn, OnlineLearner, OnlineStep};
pub use real_time::RealTime;
pub use snap1::Snap1;
pub use traces::Traces;
pub use uoro::Uoro;
