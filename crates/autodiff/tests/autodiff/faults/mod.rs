//! Mistakes are reported where they were made: with what went wrong, and at the line of the
//! equation.

pub(crate) mod caught;
mod checking;
mod panics;
mod perturbed;
