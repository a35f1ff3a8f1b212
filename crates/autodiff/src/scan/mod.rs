//! A recurrence as one operation: a step is recorded once and replayed through time.
//!
//! [`Tape::scan`](crate::Tape::scan) computes the same values as a loop over the steps, and the
//! same gradients of any order. A step passes through the modules in this order:
//!
//! 1. [`trace`] records it on shapes, as a [program](ir::program), and [lifts](lift) the entries of
//!    the step's [own sequences](own_sequences) that all rows share.
//! 2. [`rewrite`] simplifies the program, and [hoists](rewrite::hoist) values that are the same for
//!    all steps.
//! 3. [`reverse`] derives the step of the reverse pass, which is then compiled like any other step.
//! 4. [`lower`] compiles it to a program over the rows of a batch.
//! 5. [`run`] runs it over a sequence, or step by step.
//!
//! [`compiled`] holds the results derived from a step, such as its [plans](plan). The [`cache`]
//! keeps them for the next time that an equal step is traced.

mod api;
mod cache;
mod compiled;
mod flat;
mod ir;
mod lift;
mod lower;
mod own_sequences;
mod plan;
mod reverse;
mod rewrite;
mod run;
mod state_fault;
mod trace;

pub use api::{Recompute, Scan, Scanned};
pub(crate) use flat::FlatScan;
pub(crate) use ir::line::Line;
pub(crate) use ir::program::{Input, Kind, Program};
pub(crate) use run::operation::ScanOperation;
pub use run::stepper::Stepper;
