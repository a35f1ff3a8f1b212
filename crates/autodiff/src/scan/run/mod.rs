//! Runs of a compiled step: over a sequence, as an operation of a tape, or step by step as inputs arrive.

pub(crate) mod backward;
pub(crate) mod execute;
pub(crate) mod operation;
pub(crate) mod parts;
pub(crate) mod recompute;
pub(crate) mod runner;
pub(crate) mod stepper;
