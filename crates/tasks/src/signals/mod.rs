//! Numbers over time.

pub(crate) mod handwriting;
pub(crate) mod sensors;
pub(crate) mod time_series;
pub(crate) mod waves;
