//! Everything that can go wrong at run time, each with what to do about it.

use std::io;
use std::path::PathBuf;

use crate::vocabulary::UnknownCharacter;

/// A failure that the user can mend; its `Display` says how.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A text file that does not exist.
    #[error("{path} does not exist: check the path given to --text", path = .path.display())]
    MissingText {
        /// As the user gave it.
        path: PathBuf,
    },

    /// A folder where a text file was expected.
    #[error(
        "{path} is a folder: --text takes files, e.g. --text {path}/*.txt",
        path = .path.display()
    )]
    Folder {
        /// As the user gave it.
        path: PathBuf,
    },

    /// A text file without a single character.
    #[error("{path} is empty: give a file with text to learn from", path = .path.display())]
    EmptyText {
        /// As the user gave it.
        path: PathBuf,
    },

    /// A file that is not text in UTF-8.
    #[error(
        "{path} is not UTF-8 text: the first invalid byte is at offset {offset}; convert it, e.g. \
         with `iconv -f latin1 -t utf-8`",
        path = .path.display()
    )]
    NotUtf8 {
        /// The file read.
        path: PathBuf,
        /// Bytes before the first invalid one.
        offset: usize,
    },

    /// A file or folder that exists but cannot be read.
    #[error("cannot read {path}: {source}", path = .path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system answered.
        source: io::Error,
    },

    /// The default corpus has no text: the program was moved away from its repository.
    #[error(
        "found no .rs or .md text under {root}: give the text to learn from with --text FILE",
        root = .root.display()
    )]
    NoRepository {
        /// The folder searched.
        root: PathBuf,
    },

    /// Less text than one window for every stream.
    #[error(
        "too little text: {batch} parallel sequences of {window} characters and the one that \
         follows need {needed} characters, and there are {available}; give more text, or lower \
         --batch or --window"
    )]
    TooShort {
        /// Characters there are.
        available: usize,
        /// Characters required.
        needed: usize,
        /// Streams asked for.
        batch: usize,
        /// Steps asked for in a window.
        window: usize,
    },

    /// A text has a character that the model's vocabulary lacks.
    #[error("{path}: {source}", path = .path.display())]
    UnknownInText {
        /// The file that was read.
        path: PathBuf,
        /// Which character, and where.
        source: UnknownCharacter,
    },

    /// The prime has a character that the model's vocabulary lacks.
    #[error("--prime: {0}")]
    UnknownInPrime(#[source] UnknownCharacter),

    /// The subcommand needs a trained model, and this build trains none.
    #[error("`{subcommand}` needs a trained model, which this build does not make yet")]
    WithoutModel {
        /// What was asked for.
        subcommand: &'static str,
    },

    /// Standard output cannot be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}
