//! The reverse of a step: a step of its own, which reads values that the forward step saved.
//!
//! The step is recorded again on a tape of shapes, and the gradient rules run on it as on any tape.
//! The nodes that they record, without the forward values, are the reverse step. Its state is the
//! cotangent of the state, and it runs from the last step to the first. A forward value that it
//! reads is a [residual](residuals): a sequence that the forward pass saves.
//!
//! The reverse is derived once, for the gradients of all inputs, and
//! [specialized](Reverse::specialize) to those that a [mask](GradientMask) selects.

mod derive;
mod origin;
mod program;
mod read;
mod residuals;

pub(crate) use derive::reverse;
pub(crate) use program::{GradientMask, InvariantSource, Reverse, SequenceSource, StateBefore};
