//! The errors of a configuration.

use std::io;
use std::path::{Path, PathBuf};

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {source}", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("{path} is not a configuration in TOML: {source}", path = .path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// The place and the reason.
        source: Box<toml::de::Error>,
    },
    /// A section or a setting that does not exist.
    #[error("{path}: there is no setting `{name}`; {hint}", path = .path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The section, or the section and the name.
        name: String,
        /// The sections or settings that exist.
        hint: String,
    },
    /// A value that the setting does not take.
    #[error("{path}: {message}", path = .path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The setting and the rule.
        message: String,
    },
    /// A flag that does not exist, or does not take a value.
    #[error("{0}")]
    Flag(String),
}

impl ConfigError {
    /// Returns the error of a value that clap refuses.
    pub(super) fn value(error: &clap::Error, path: &Path) -> Self {
        Self::Value { path: path.to_path_buf(), message: first_line(error) }
    }

    /// Returns the error of a flag that clap refuses.
    pub(super) fn flag(error: &clap::Error) -> Self {
        Self::Flag(first_line(error))
    }
}

/// Returns the first line of the message, without the word `error`.
fn first_line(error: &clap::Error) -> String {
    let message = error.to_string();
    message.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
