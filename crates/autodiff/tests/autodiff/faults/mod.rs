//! Mistakes are reported with their cause, at the line of the equation.

pub(crate) mod caught;
mod checking;
mod panics;
mod perturbed;
