//! The errors of texts. Each message says what to do.

use std::io;
use std::path::PathBuf;

use programs::terminal::memory::MemoryError;

/// A text that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// A file that does not exist.
    #[error("{path} does not exist: check the path", path = .path.display())]
    Missing {
        /// As the user gave it.
        path: PathBuf,
    },

    /// A folder where a file was expected.
    #[error("{path} is a folder: give files, e.g. --text {path}/*.txt", path = .path.display())]
    Folder {
        /// As the user gave it.
        path: PathBuf,
    },

    /// A pipe or a device, which may never end and cannot be read again.
    #[error(
        "{path} is not a regular file: save it as one first, e.g. with `cat {path} > saved`",
        path = .path.display()
    )]
    NotAFile {
        /// As the user gave it.
        path: PathBuf,
    },

    /// A file without a single byte.
    #[error("{path} is empty: give a file with text", path = .path.display())]
    Empty {
        /// As the user gave it.
        path: PathBuf,
    },

    /// A file that is not text in UTF-8.
    #[error(
        "{path} is not UTF-8 text: the first invalid byte is at offset {offset}; convert it, e.g. \
         with `iconv -f latin1 -t utf-8`, or read it as bytes",
        path = .path.display()
    )]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// Bytes before the first invalid one.
        offset: u64,
    },

    /// A file or folder that exists but cannot be read.
    #[error("cannot read {path}: {source}", path = .path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },

    /// A file that another program wrote to while it was read.
    #[error("{path} changed while it was read: start again when it is complete", path = .path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },

    /// The default text is gone: the program was moved away from its repository.
    #[error("found no .rs or .md text under {root}: give a text with --text FILE", root = .root.display())]
    NoRepository {
        /// The folder searched.
        root: PathBuf,
    },

    /// Nothing to learn from.
    #[error(
        "there is no training text: give it with --train FILE, or lower --validation-share and --test-share"
    )]
    NoTrainingText,

    /// A character that the vocabulary lacks.
    #[error(
        "{path}:{line}:{column}: {character:?} (U+{code:04X}) is not among the {known} characters that \
         the model knows; remove it, or train on text that contains it",
        path = .path.display(),
        code = u32::from(*.character)
    )]
    UnknownCharacter {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// The place in the line in characters, counted from 1.
        column: u64,
        /// The character.
        character: char,
        /// The size of the vocabulary.
        known: usize,
    },

    /// A text of which no vocabulary can be made.
    #[error(transparent)]
    Vocabulary(#[from] InvalidVocabulary),

    /// A file that is no tokenizer, or none that loses nothing.
    #[error("{path}: {source}", path = .path.display())]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: InvalidVocabulary,
    },

    /// The disk is full while tokens are stored.
    #[error(
        "the disk is full, so the tokens of the text cannot be stored in {path}: free space; nothing \
         that was there before is lost",
        path = .path.display()
    )]
    DiskFull {
        /// The store.
        path: PathBuf,
    },

    /// Tokens that cannot be stored for another reason.
    #[error("cannot store the tokens of the text in {path}: {source}", path = .path.display())]
    Store {
        /// The store.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },

    /// The part is shorter than one window for every stream.
    #[error(
        "too little text: {batch} parallel streams of {window} tokens and the one that follows need \
         {needed} tokens, and there are {available}; give more text, or lower --batch-size or --window"
    )]
    TooShort {
        /// The tokens given.
        available: usize,
        /// The tokens required.
        needed: usize,
        /// The number of streams.
        batch: usize,
        /// The steps of a window.
        window: usize,
    },

    /// A part in which nothing can be predicted.
    #[error(
        "too little text: a part to judge needs 2 tokens, and there are {available}; give more text"
    )]
    TooShortToJudge {
        /// The tokens given.
        available: usize,
    },

    /// More symbols of a language than there is memory for.
    #[error("{0}: lower --train-symbols, --validation-symbols or --test-symbols")]
    TooManySymbols(MemoryError),

    /// Settings that contradict each other.
    #[error("{what}")]
    Settings {
        /// Which, and how to solve it.
        what: String,
    },
}

/// A character outside a [`Vocabulary`](super::Vocabulary) of characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "character number {position}, {character:?} (U+{code:04X}), is not among the {known} that the \
     model knows; remove it, or train on text that contains it",
    code = u32::from(*.character)
)]
pub struct UnknownCharacter {
    /// The character itself.
    pub character: char,
    /// Its place in the text, in characters, counted from 1.
    pub position: usize,
    /// Size of the vocabulary.
    pub known: usize,
}

/// A text that describes no [`Vocabulary`](super::Vocabulary).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidVocabulary {
    /// The first line names no units.
    #[error("a vocabulary begins with a line that names its units, not with {0:?}")]
    Units(String),
    /// No unit at all.
    #[error("the vocabulary is empty")]
    Empty,
    /// Units that are given more than once or out of order.
    #[error("the vocabulary is damaged: {0}")]
    Damaged(String),
    /// A tokenizer that cannot be read, or that does not keep every text as it is.
    #[error("the tokenizer cannot be used: {0}")]
    Tokenizer(String),
}
