//! What can keep a model from being exported, or weights from being read.

use std::io;
use std::path::PathBuf;

/// An export that failed. Nothing has been written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// An operation has no form in ONNX.
    #[error("the operation `{operation}`{line} has no form in ONNX; use other operations, or implement \
         `Operation::decompose` or `Elementwise::decomposition`", line = at(line))]
    Unsupported {
        /// Its name.
        operation: String,
        /// The line of its equation.
        line: Option<String>,
    },
    /// A value depends on an open extent, on symbols or on lengths in a way that a model cannot compute.
    #[error(
        "the value of `{operation}`{line} depends on an open extent, on symbols or on lengths in a way that a model cannot \
         compute; give this value to the model as an input", line = at(line)
    )]
    OpenExtent {
        /// The name of its operation.
        operation: String,
        /// The line of its equation.
        line: Option<String>,
    },
    /// An input, an output or a parameter has no name, or that of another.
    #[error(
        "`{name}` is empty, or the name of two inputs, outputs or parameters; choose another, or use \
         `FunctionExport::group` for parameters"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// The model is too large for the format.
    #[error(
        "the model has {bytes} bytes, and an ONNX file has at most {}; export its parts one by one",
        i32::MAX
    )]
    TooLarge {
        /// Its size.
        bytes: usize,
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

/// An import that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The file is no ONNX model, or is damaged.
    #[error("`{}` is no ONNX model: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A recurrent operator cannot be read.
    #[error("the {operator} `{node}` {problem}")]
    Recurrence {
        /// The name of its node.
        node: String,
        /// `LSTM`, `GRU` or `RNN`.
        operator: String,
        /// What is wrong.
        problem: &'static str,
    },
}
