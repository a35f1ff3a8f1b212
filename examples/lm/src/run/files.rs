//! The files of a run.

use std::path::{Path, PathBuf};
use std::{fs, io};

use bptt::analysis::record::{RecordError, replace};

use super::error::RunFolderError;

/// The paths of the files in a run's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunFiles {
    /// The folder.
    pub folder: PathBuf,
    /// All settings, with every default.
    pub config: PathBuf,
    /// The source of a cell of one's own.
    pub cell: PathBuf,
    /// The [events](super::Event), one JSON object a line.
    pub log: PathBuf,
    /// The numbers of the log, for TensorBoard.
    pub tensorboard: PathBuf,
    /// The best weights.
    pub weights: PathBuf,
    /// The state from which the run is resumed.
    pub checkpoint: PathBuf,
    /// The drawing of the losses and the learning rate over the steps.
    pub curves: PathBuf,
    /// The whole run on one page.
    pub report: PathBuf,
    /// The file that the process that trains holds locked.
    pub lock: PathBuf,
}

impl RunFiles {
    /// Returns the files of the run in `folder`, which need not exist.
    #[must_use]
    pub fn of(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        let file = |name: &str| folder.join(name);
        Self {
            config: file("config.toml"),
            cell: file("my_cell.rs"),
            log: file("log.jsonl"),
            tensorboard: file("events.out.tfevents.lm"),
            weights: file("model.safetensors"),
            checkpoint: file("model.checkpoint.safetensors"),
            curves: file("curves.svg"),
            report: file("report.html"),
            lock: file("model.lock"),
            folder,
        }
    }

    /// Returns the files that hold a run's results.
    pub(super) fn results(&self) -> [&Path; 8] {
        [
            &self.config,
            &self.cell,
            &self.log,
            &self.tensorboard,
            &self.weights,
            &self.checkpoint,
            &self.curves,
            &self.report,
        ]
    }

    /// Reads the settings.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn read_config(&self) -> Result<String, RunFolderError> {
        fs::read_to_string(&self.config).map_err(|source| read_error(&self.config, source))
    }

    /// Returns whether the source of the run's own cell is this one.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn has_cell(&self, source: &str) -> Result<bool, RunFolderError> {
        let found = fs::read(&self.cell);
        Ok(found.map_err(|source| read_error(&self.cell, source))? == source.as_bytes())
    }

    /// Writes the source of the run's own cell.
    ///
    /// # Errors
    ///
    /// If the file cannot be written. An existing file then stays as it is.
    pub fn write_cell(&self, source: &str) -> Result<(), RunFolderError> {
        Ok(replace(&self.cell, source)?)
    }

    /// Writes the settings.
    ///
    /// # Errors
    ///
    /// If the file cannot be written. An existing file then stays as it is.
    pub fn write_config(&self, toml: &str) -> Result<(), RunFolderError> {
        Ok(replace(&self.config, toml)?)
    }
}

fn read_error(path: &Path, source: io::Error) -> RunFolderError {
    RecordError::Read { path: path.to_path_buf(), source }.into()
}
