//! What can keep a model from being exported.

use std::io;
use std::path::PathBuf;

/// An export that failed. Nothing has been written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// An operation has no form in ONNX.
    #[error("the operation `{operation}`{line} has no form in ONNX; write it in other operations", line = at(line))]
    Unsupported {
        /// Its name.
        operation: String,
        /// The line of its equation.
        line: Option<String>,
    },
    /// A value depends on the number of steps or of sequences in a way that an exported model cannot follow.
    #[error(
        "`{operation}`{line} depends on the number of steps or of sequences, which an exported model leaves open; \
         make it an input", line = at(line)
    )]
    OpenExtent {
        /// The name of its operation.
        operation: String,
        /// The line of its equation.
        line: Option<String>,
    },
    /// The file cannot be written.
    #[error("cannot write `{}`: {source}; choose another path", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

fn at(line: &Option<String>) -> String {
    line.as_ref().map(|line| format!(" {line}")).unwrap_or_default()
}
