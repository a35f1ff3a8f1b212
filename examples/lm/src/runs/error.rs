//! Errors of lists of runs.

use std::io;
use std::path::PathBuf;

/// Why a list of runs cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RunsError {
    /// A folder holds a run with other settings.
    #[error(
        "{folder} holds a run with another `{name}`: repeat the setting of that run, or give another --out",
        folder = .folder.display()
    )]
    OtherRun {
        /// The folder.
        folder: PathBuf,
        /// The section and the name of the setting.
        name: String,
    },
    /// A file of results cannot be written.
    #[error("cannot write {path}: {source}; make room or make the folder writable, and repeat the command", path = .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}
