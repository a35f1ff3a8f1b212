//! Numbers over time.

pub(crate) mod waves;
