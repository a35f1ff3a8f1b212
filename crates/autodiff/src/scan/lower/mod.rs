//! From a step to a program over the rows of a batch.
//!
//! The step is brought into the form that lowering expects ([`legalize`], [`sink_reductions`]), its values are
//! [classified](classify), divided into what is computed for all steps at once and what stays in the loop
//! ([`schedule`]), given their memory ([`allocate`]), and turned into instructions ([`emit`], [`fuse`]).

pub(crate) mod allocate;
pub(crate) mod classify;
pub(crate) mod emit;
pub(crate) mod fuse;
pub(crate) mod legalize;
mod print;
pub(crate) mod schedule;
pub(crate) mod sink_reductions;
