//! Helpers that several test crates share.

pub(crate) mod golden;
