//! Something is shown, and needed later.

pub(crate) mod adding;
pub(crate) mod binary_addition;
pub(crate) mod copy_memory;
pub(crate) mod latch;
pub(crate) mod sorting;
