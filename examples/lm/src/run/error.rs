//! Errors of a run's folder.

use std::io;
use std::path::{Path, PathBuf};

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

    /// A file cannot be read.
    #[error(
        "cannot read {path}: {source}; check the path and its permissions",
        path = .path.display()
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },

    /// A file cannot be written.
    #[error(
        "cannot write {path}: {source}; make room or make the folder writable, then continue with \
         --resume from what was saved before",
        path = .path.display()
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },

    /// A line of a log is no event.
    #[error(
        "{path}:{line}: {source}; the line is damaged or of another program: use another copy of the file",
        path = .path.display()
    )]
    Line {
        /// The log.
        path: PathBuf,
        /// The number of the line, from 1.
        line: usize,
        /// What is wrong with the line.
        source: serde_json::Error,
    },

    /// A log does not begin as the log of a run.
    #[error(
        "{path} does not begin with the start of a run: it is of another program, or damaged; use another copy",
        path = .path.display()
    )]
    NoStart {
        /// The log.
        path: PathBuf,
    },

    /// A log ends before the checkpoint.
    #[error(
        "{path} has {found} events, and had {expected} when the checkpoint was saved: use another copy of the file",
        path = .path.display()
    )]
    Short {
        /// The log.
        path: PathBuf,
        /// The number of its events.
        found: usize,
        /// The number of events when the checkpoint was saved.
        expected: usize,
    },
}

impl RunFolderError {
    pub(super) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_path_buf(), source }
    }

    pub(super) fn write(path: &Path, source: io::Error) -> Self {
        Self::Write { path: path.to_path_buf(), source }
    }
}
