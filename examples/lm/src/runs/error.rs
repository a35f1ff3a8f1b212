//! Errors of lists of runs.

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
}
