//! Errors of a run's folder.

use std::path::PathBuf;

use bptt::analysis::record::RecordError;
use bptt::run::RunError;

/// Why the folder of a run cannot be created, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunFolderError {
    /// A run is there already.
    #[error(
        "{folder} holds a run: continue it with --resume, or save another elsewhere with --out",
        folder = .folder.display()
    )]
    HoldsRun {
        /// The folder.
        folder: PathBuf,
    },

    /// A file is there that no run has written.
    #[error(
        "{file} is in the way and not of a run: save elsewhere with --out, or move the file away",
        file = .file.display()
    )]
    Foreign {
        /// The file.
        file: PathBuf,
    },

    /// The run cannot be begun or restored, or another process trains there.
    #[error(transparent)]
    Run(#[from] RunError),

    /// The checkpoint or the weights cannot be saved.
    #[error(
        "{0}; make room or make the folder writable, then continue with --resume from what was saved before"
    )]
    Save(#[source] RunError),

    /// The checkpoint is not of a run with a log.
    #[error(
        "{checkpoint} does not say how long the log was: it is not of a run in a folder; train anew with another --out",
        checkpoint = .checkpoint.display()
    )]
    NoLength {
        /// The checkpoint.
        checkpoint: PathBuf,
    },

    /// A file cannot be written.
    #[error("{0}: a run goes on from it with --resume")]
    Write(#[source] RecordError),

    /// A file cannot be read, or the log is damaged.
    #[error(transparent)]
    Record(RecordError),
}

impl From<RecordError> for RunFolderError {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Write { .. } => Self::Write(error),
            error => Self::Record(error),
        }
    }
}
