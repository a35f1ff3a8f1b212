//! Sequences of words, characters, bases and notes.

pub(crate) mod dates;
pub(crate) mod genome;
pub(crate) mod melody;
pub(crate) mod polarity;
pub(crate) mod tagging;
