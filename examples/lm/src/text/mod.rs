//! Texts: units, vocabularies, files, and the windows of parallel streams that training reads.
//!
//! A [`Corpus`] is opened from [`TextSettings`]. Its texts are read in blocks, from files that may be larger than
//! memory, and encoded by a [`Vocabulary`]. Each [`Part`] holds the [`Tokens`], and [`Streams`] cut tokens into
//! windows.

mod corpus;
mod encode;
mod error;
mod make;
mod read;
mod segments;
mod settings;
mod sources;
mod store;
mod streams;
#[cfg(test)]
mod tests;
mod tokens;
mod vocabulary;

pub use corpus::{Corpus, Part};
pub use error::{InvalidVocabulary, TextError, UnknownCharacter};
pub use settings::{TextSettings, Units};
pub use sources::repository;
pub use streams::{Streams, Window};
pub use tokens::Tokens;
pub use vocabulary::{Decoder, Vocabulary};
