//! A step as data, and what can be read off it.

pub(crate) mod binding;
pub(crate) mod indexed;
pub(crate) mod program;
