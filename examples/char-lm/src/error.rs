//! The errors of the program. Each message says what to do.

use std::io;
use std::path::PathBuf;

use bptt::run::RunError;
use bptt::weights::WeightsError;

use crate::memory::Bytes;
use crate::settings::InvalidSetting;
use crate::train::Divergence;
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

    /// A pipe or a device, which may never end and cannot be read again.
    #[error(
        "{path} is not a regular file: save it as one first, e.g. with `cat {path} > saved`",
        path = .path.display()
    )]
    NotAFile {
        /// As the user gave it.
        path: PathBuf,
    },

    /// More memory is needed than is available.
    #[error(
        "about {needed} of memory are needed, and {available} are available: lower --hidden, \
         --layers, --embedding, --batch or --window, or give less text or fewer different characters"
    )]
    Memory {
        /// The memory for parameters, optimizer and window, or for the text.
        needed: Bytes,
        /// The memory that the machine, control groups and limits leave.
        available: Bytes,
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
        /// The error of the operating system.
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

    /// The text is shorter than one window for every stream.
    #[error(
        "too little text: {batch} parallel sequences of {window} characters and the one that \
         follows need {needed} characters, and there are {available}; give more text, or lower \
         --batch or --window"
    )]
    TooShort {
        /// The number of characters given.
        available: usize,
        /// The number of characters required.
        needed: usize,
        /// The requested number of streams.
        batch: usize,
        /// The requested number of steps in a window.
        window: usize,
    },

    /// The validation part has fewer than two characters, so none can be predicted.
    #[error(
        "too little text: the validation part, the last tenth of every file, needs 2 characters, \
         and there are {available}; give more text"
    )]
    TooShortToJudge {
        /// The number of characters given.
        available: usize,
    },

    /// A text has a character that the model's vocabulary lacks.
    #[error("{path}: {source}", path = .path.display())]
    UnknownInText {
        /// The file that was read.
        path: PathBuf,
        /// Which character, and where.
        source: UnknownCharacter,
    },

    /// The text of the repository, which is read without `--text`, has a character that the model's vocabulary lacks.
    #[error(
        "{path}: {source}. Without --text, the text is that of the repository: give yours with --text FILE",
        path = .path.display()
    )]
    UnknownInRepository {
        /// The file that was read.
        path: PathBuf,
        /// Which character, and where.
        source: UnknownCharacter,
    },

    /// The prime has a character that the model's vocabulary lacks.
    #[error("--prime: {0}")]
    UnknownInPrime(#[source] UnknownCharacter),

    /// There is no model at the path given.
    #[error(
        "{path} does not exist: train a model first, or check the path given to --weights",
        path = .path.display()
    )]
    MissingModel {
        /// The file expected.
        path: PathBuf,
    },

    /// A file of weights that cannot be read or used.
    #[error(transparent)]
    Weights(#[from] WeightsError),

    /// The checkpoint of a run where weights were expected.
    #[error(
        "{path} is the checkpoint of a run: give the weights saved beside it, --weights {weights}",
        path = .path.display(),
        weights = .weights.display()
    )]
    CheckpointAsWeights {
        /// As the user gave it.
        path: PathBuf,
        /// The weights beside it.
        weights: PathBuf,
    },

    /// A file whose settings no run can have had.
    #[error("{path}: setting {source}", path = .path.display())]
    InvalidSetting {
        /// The file.
        path: PathBuf,
        /// Which setting, and what it must be.
        source: InvalidSetting,
    },

    /// A file with a NaN or an infinity.
    #[error(
        "{path}: tensor `{tensor}` has values that are not finite; the file is damaged, or its \
         training had diverged: train anew",
        path = .path.display()
    )]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
    },

    /// A run that cannot be saved to `--out`.
    #[error(transparent)]
    Run(#[from] RunError),

    /// A checkpoint whose parts do not belong to one run.
    #[error(
        "the checkpoint contradicts itself: {what}; it was changed after it was saved, so resume from another"
    )]
    Inconsistent {
        /// The parts that disagree, and how.
        what: String,
    },

    /// A run cannot go on with another text than it began with.
    #[error(
        "the text is not that of the run to resume: give the same files to --text, or train anew \
         without --resume"
    )]
    ChangedText,

    /// Training has diverged.
    #[error(
        "{fault}: training has diverged; lower --learning-rate or --clip. The best weights so far, \
         of step {best_step}, are in {best}",
        best = .best.display()
    )]
    Diverged {
        /// The step and the cause of the divergence.
        #[source]
        fault: Divergence,
        /// The step of the best weights.
        best_step: usize,
        /// The path of the best weights.
        best: PathBuf,
    },

    /// The requested threads cannot be started.
    #[error("cannot start the threads: {0}; lower --threads")]
    Threads(#[from] rayon::ThreadPoolBuildError),

    /// Signals such as Ctrl-C cannot be caught.
    #[error("cannot catch signals: {0}")]
    Signals(#[source] io::Error),

    /// Standard output cannot be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}
