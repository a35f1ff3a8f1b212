//! Running over a sequence: from one step of a cell to a layer, its options, and the ways to run it.

pub(crate) mod chunkwise;
pub(crate) mod costates;
pub(crate) mod free_running;
pub(crate) mod initial_state;
pub(crate) mod layer;
pub(crate) mod linear_recurrence;
pub(crate) mod mask;
pub(crate) mod options;
pub(crate) mod recurrence;
pub(crate) mod run;
pub(crate) mod scan;
pub(crate) mod shape;
pub(crate) mod shared_rng;
pub(crate) mod stepwise;
pub(crate) mod triangular;
pub(crate) mod truncation;
pub(crate) mod unroll;
pub(crate) mod windows;
