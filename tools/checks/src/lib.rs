//! Checks of what belongs to no crate: the repository's documents.

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
