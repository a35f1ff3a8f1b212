//! Something is shown, and asked for later.

pub(crate) mod adding;
pub(crate) mod copy_memory;
pub(crate) mod latch;
