//! The errors of the program. Each message says what to do.

use std::io;
use std::path::PathBuf;

use bptt::analysis::record::RecordError;
use bptt::weights::WeightsError;

use crate::baselines::BaselineError;
use crate::comparison::ComparisonError;
use crate::config::ConfigError;
use crate::inspection::UnknownValue;
use crate::model::{InvalidModel, ModelError};
use crate::run::RunFolderError;
use crate::runs::RunsError;
use crate::sweep::SweepError;
use crate::text::{TextError, UnknownCharacter};
use crate::training::{Divergence, SavedError};
use programs::terminal::memory::MemoryError;

/// A failure that the user can mend; its `Display` says how.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A setting does not suit the others.
    #[error(transparent)]
    InvalidModel(#[from] InvalidModel),
    /// The text cannot be used.
    #[error(transparent)]
    Text(#[from] TextError),
    /// A file holds no model of this program.
    #[error(transparent)]
    Saved(#[from] SavedError),
    /// The weights do not make a model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A part of a checkpoint is damaged.
    #[error("the checkpoint does not fit the run: it {0}; train anew in another folder")]
    Checkpoint(#[from] WeightsError),
    /// The folder of the run cannot be used.
    #[error(transparent)]
    Run(#[from] RunFolderError),
    /// A list of runs cannot go on.
    #[error(transparent)]
    Runs(#[from] RunsError),
    /// A baseline cannot be made.
    #[error(transparent)]
    Baseline(#[from] BaselineError),
    /// Cells cannot be compared.
    #[error(transparent)]
    Comparison(#[from] ComparisonError),
    /// Settings cannot be searched.
    #[error(transparent)]
    Sweep(#[from] SweepError),
    /// More memory is needed than is available.
    #[error(
        "{0}: lower --batch-size, --window, --beam or --lags, or take a smaller model or vocabulary"
    )]
    Memory(#[from] MemoryError),
    /// Parts of a checkpoint do not belong to one run.
    #[error("the parts of the checkpoint do not belong to one run; train anew in another folder")]
    Inconsistent,
    /// The text is not that of the run to resume.
    #[error(
        "the text is not that of the run to resume: restore it, or train anew in another folder"
    )]
    ChangedText,
    /// The cell is not that of the run to resume.
    #[error(
        "examples/programs/src/my_cell.rs has changed since the run began, whose cell is {cell}: take the change back, or train anew in \
         another folder",
        cell = .cell.display()
    )]
    ChangedCell {
        /// The file with the source of the run's cell.
        cell: PathBuf,
    },
    /// A setting is not that of the run to resume.
    #[error(
        "--resume keeps `{name}` of the run, which a flag or its config.toml changes: take that back, or train anew in another folder"
    )]
    ChangedSetting {
        /// The section and the name.
        name: String,
    },
    /// Training diverged.
    #[error("training diverged at {fault}; lower --learning-rate or --clip. The best weights, of step {best_step}, are in {best}", best = .best.display())]
    Diverged {
        /// The fault.
        fault: Divergence,
        /// The step of the best weights.
        best_step: usize,
        /// Their file.
        best: PathBuf,
    },
    /// A part of the text that does not exist.
    #[error(
        "the run has no test text: give --test or --test-share when training, or measure another part"
    )]
    NoTest,
    /// The text ends before the first token to show.
    #[error("--skip {skip} leaves nothing to show of a text of {tokens} tokens: skip fewer")]
    NothingToShow {
        /// The tokens that are read before the first one shown.
        skip: usize,
        /// The tokens of the text.
        tokens: usize,
    },
    /// The cells of the model have no value of the name.
    #[error("--value: {0}")]
    UnknownValue(#[from] UnknownValue),
    /// Nothing to continue.
    #[error("--prime has no token: leave the flag out, or give it a text")]
    EmptyPrime,
    /// The prime has a character that the model does not know.
    #[error("--prime: {0}")]
    UnknownInPrime(#[from] UnknownCharacter),
    /// The results cannot be written.
    #[error("cannot write the results: {0}")]
    Output(#[from] io::Error),
    /// The operating system delivers no signals.
    #[error("cannot wait for signals: {0}")]
    Signals(io::Error),
    /// The operating system gives no threads.
    #[error("cannot start the threads: {0}; give fewer with --threads")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

impl From<RecordError> for Error {
    fn from(error: RecordError) -> Self {
        RunFolderError::from(error).into()
    }
}

impl Error {
    /// Returns the status with which the program exits: 2 for settings that cannot be used, 1 for all else.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Config(_)
            | Self::InvalidModel(_)
            | Self::ChangedSetting { .. }
            | Self::Runs(_)
            | Self::Comparison(_)
            | Self::Sweep(_)
            | Self::Text(TextError::Settings { .. })
            | Self::UnknownValue(_)
            | Self::EmptyPrime => 2,
            _ => 1,
        }
    }
}
