//! Pictures and films.

pub(crate) mod glyphs;
pub(crate) mod moving_dot;
