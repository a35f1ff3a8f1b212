//! Recurrent mixtures: hidden Markov models whose probabilities depend on an input, and expectation maximization.
//!
//! [`InputOutputHmm`] is the model, [`Sequences`] its data, [`ExpectationMaximization`] its trainer. An [`InputNetwork`]
//! computes transitions and outputs from the input. An [`OutputDistribution`] is the form of the output:
//! [`ClassOutputs`] or [`GaussianOutputs`].

mod error;
mod expectation_maximization;
mod expected;
mod forward_backward;
mod gaussian;
mod model;
mod network;
mod outputs;
mod quotients;
mod sequences;

pub use error::HmmError;
pub use expectation_maximization::{EmProgress, ExpectationMaximization};
pub use forward_backward::Posteriors;
pub use gaussian::GaussianOutputs;
pub use model::InputOutputHmm;
pub use network::{InputNetwork, InputTable};
pub use outputs::{ClassOutputs, OutputDistribution};
pub use quotients::Quotients;
pub use sequences::{Sequences, Series};
