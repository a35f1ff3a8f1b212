//! What happens inside a recurrent network: gradients by step and by lag, the dynamics of a cell, pictures of both, and
//! reports of training.

#![forbid(unsafe_code)]

#[cfg(feature = "plots")]
mod atomic;
pub mod dynamics;
pub mod gradients;
mod linear_algebra;
mod norm;
#[cfg(feature = "plots")]
pub mod plot;
#[cfg(feature = "record")]
pub mod record;
mod sequences;
