//! The intermediate representation: a step as data.

pub(crate) mod binding;
pub(crate) mod indexed;
pub(crate) mod line;
pub(crate) mod program;
