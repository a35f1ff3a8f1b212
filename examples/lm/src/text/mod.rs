//! Texts: units, vocabularies, files, and the windows of parallel streams that training reads.
//!
//! A [`Corpus`] is opened from [`TextSettings`]. Its texts are read in blocks, from files that may be larger than memory,
//! and encoded by a [`Vocabulary`]. Each [`Part`] holds the [`Tokens`], and [`Streams`] cut tokens into windows.

mod corpus;
mod error;
mod read;
mod settings;
mod sources;
mod streams;
mod tokens;
mod vocabulary;

pub use corpus::{Corpus, Part};
pub use error::TextError;
pub use settings::{TextSettings, Units};
pub use streams::{Streams, Window};
pub use tokens::Tokens;
pub use vocabulary::{InvalidVocabulary, UnknownCharacter, Vocabulary};
