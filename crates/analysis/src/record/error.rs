//! Errors of recording.

use std::io;
use std::path::{Path, PathBuf};

/// Why a record of a training cannot be created, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// A record is there already.
    #[error(
        "{folder} holds the record of a training: resume it, or record to another folder",
        folder = .folder.display()
    )]
    Exists {
        /// The folder.
        folder: PathBuf,
    },

    /// There is no record to resume.
    #[error("{folder} holds no record of a training: check the path, or create one", folder = .folder.display())]
    Missing {
        /// The folder.
        folder: PathBuf,
    },

    /// Another training records to the same folder.
    #[error(
        "another training records to {folder}: wait until it has ended, or record to another folder",
        folder = .folder.display()
    )]
    Taken {
        /// The folder.
        folder: PathBuf,
    },

    /// A file cannot be read.
    #[error("cannot read {path}: {source}; check the path and its permissions", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },

    /// A file cannot be written. What was written before is still there.
    #[error(
        "cannot write {path}: {source}; make room, make the folder writable, or choose another. What was written before is \
         still there",
        path = .path.display()
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },

    /// A line of a log is no entry.
    #[error(
        "{path}:{line}: {}; the line is damaged or of another program: use another copy of the file",
        cause(source), path = .path.display()
    )]
    Line {
        /// The log.
        path: PathBuf,
        /// The number of the line, from 1.
        line: usize,
        /// What is wrong with the line.
        source: serde_json::Error,
    },

    /// A log does not begin with its start.
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
        "{path} has {found} entries, and had {expected} when the checkpoint was saved: use another copy of the file",
        path = .path.display()
    )]
    Short {
        /// The log.
        path: PathBuf,
        /// The number of its entries.
        found: usize,
        /// The number of entries when the checkpoint was saved.
        expected: usize,
    },
}

impl RecordError {
    pub(super) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_path_buf(), source }
    }

    pub(super) fn write(path: &Path, source: io::Error) -> Self {
        Self::Write { path: path.to_path_buf(), source }
    }
}

/// Returns what is wrong with a line. The parser calls each line the first.
fn cause(error: &serde_json::Error) -> String {
    error.to_string().replace(&format!(" at line {}", error.line()), " at")
}
