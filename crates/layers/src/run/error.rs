//! Errors of runs.

use std::io;
use std::path::PathBuf;

use crate::weights::error::WeightsError;

/// Why a run cannot be started, saved or restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The folder of the files cannot be created.
    #[error("cannot create the folder {path}: {source}; save elsewhere", path = .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },

    /// The path of the weights is that of a folder.
    #[error("{path:?} is a folder or empty: name a file, such as {file:?}", file = .path.join("model.safetensors"))]
    NoFile {
        /// The path.
        path: PathBuf,
    },

    /// Another run saves to the same files.
    #[error(
        "another run saves to {best} and holds {lock}: let it end, or save elsewhere",
        best = .best.display(),
        lock = .lock.display()
    )]
    Taken {
        /// The file of the weights.
        best: PathBuf,
        /// The file that is locked.
        lock: PathBuf,
    },

    /// The lock file cannot be created or locked.
    #[error("cannot lock {path}: {source}; save elsewhere", path = .path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },

    /// A file cannot be renamed.
    #[error(
        "cannot rename {from} to {to}: {source}; save elsewhere",
        from = .from.display(),
        to = .to.display()
    )]
    Rename {
        /// The file.
        from: PathBuf,
        /// Its new name.
        to: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },

    /// There is no run to resume.
    #[error(
        "{checkpoint} does not exist: there is no run to resume; check the path, or start a new run",
        checkpoint = .checkpoint.display()
    )]
    Missing {
        /// The checkpoint expected.
        checkpoint: PathBuf,
    },

    /// A file cannot be written or read, or does not fit the training that is to be restored.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}
