//! Running over a sequence: from one step of a cell to a layer, its options, and the ways to run it.

pub(crate) mod costates;
pub(crate) mod layer;
pub(crate) mod linear_recurrence;
pub(crate) mod options;
pub(crate) mod recurrence;
pub(crate) mod run;
pub(crate) mod scan;
pub(crate) mod stepwise;
pub(crate) mod truncation;
pub(crate) mod unroll;
