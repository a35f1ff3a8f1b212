//! Decoding: a search for a probable sequence of symbols, with any model that returns their probabilities step by step.
//!
//! A model is a function from the last symbol and a state to the log-probabilities of the next symbol and
//! the next state:
//!
//! ```
//! use bptt_layers::decode::{self, Bounds};
//!
//! // symbol 0 starts, 1 or 2 follow with equal odds, and after them comes 3, the end
//! let step = |last: usize, _: &()| match last {
//!     0 => (vec![f64::NEG_INFINITY, 0.5_f64.ln(), 0.5_f64.ln(), f64::NEG_INFINITY], ()),
//!     _ => (vec![f64::NEG_INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY, 0.0], ()),
//! };
//! let bounds = Bounds { start: 0, end: 3, max_length: 10 };
//! let found = decode::greedy(bounds, (), step);
//! assert_eq!((found.symbols, found.score), (vec![1, 3], 0.5_f64.ln()));
//! ```

pub(crate) mod beam;
pub(crate) mod greedy;
pub(crate) mod hypothesis;
pub(crate) mod sampling;

pub use beam::Beam;
pub use greedy::greedy;
pub use hypothesis::{Bounds, Hypothesis};
pub use sampling::Sampling;
