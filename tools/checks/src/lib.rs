//! Checks of what belongs to no crate: the documents, and how the sources are laid out.

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
