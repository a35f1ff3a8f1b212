//! Mistakes are reported where they were made: with what went wrong, and at the line of the
//! equation.

mod caught;
mod checking;
mod panics;
