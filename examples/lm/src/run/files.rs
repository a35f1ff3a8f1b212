//! The files of a run.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

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
        fs::read_to_string(&self.config)
            .map_err(|source| RunFolderError::read(&self.config, source))
    }

    /// Returns whether the source of the run's own cell is this one.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn has_cell(&self, source: &str) -> Result<bool, RunFolderError> {
        let found = fs::read(&self.cell);
        Ok(found.map_err(|error| RunFolderError::read(&self.cell, error))? == source.as_bytes())
    }

    /// Writes the source of the run's own cell.
    ///
    /// # Errors
    ///
    /// If the file cannot be written. An existing file then stays as it is.
    pub fn write_cell(&self, source: &str) -> Result<(), RunFolderError> {
        replace(&self.cell, source)
    }

    /// Writes the settings.
    ///
    /// # Errors
    ///
    /// If the file cannot be written. An existing file then stays as it is.
    pub fn write_config(&self, toml: &str) -> Result<(), RunFolderError> {
        replace(&self.config, toml)
    }
}

/// Writes a file under another name, stores it safely, and only then renames it. Creates its folder.
pub(crate) fn replace(path: &Path, contents: &str) -> Result<(), RunFolderError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new"); // a fixed name, so that killed programs leave one file at most
    let write = || {
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        let mut file = File::create(&beside)?;
        file.write_all(contents.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        sync_folder(path)
    };
    write().map_err(|source| {
        let _ = fs::remove_file(&beside); // the first error is the one to report
        RunFolderError::write(path, source)
    })
}

/// Stores the folder safely after a change of an entry. A folder can be opened only on Unix.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if cfg!(unix) { File::open(folder.unwrap_or(Path::new(".")))?.sync_all() } else { Ok(()) }
}

/// A file that grows at its end.
#[derive(Debug)]
pub(super) struct Appended {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Appended {
    /// Opens or creates a file whose first bytes, `length` of them, are kept. The rest is cut off with the next
    /// [`append`](Self::append) or [`sync`](Self::sync).
    pub(super) fn open(path: &Path, length: usize) -> Result<Self, RunFolderError> {
        let failed = |source| RunFolderError::write(path, source);
        let file = File::options().write(true).create(true).truncate(false).open(path);
        let length = length as u64;
        Ok(Self { path: path.to_path_buf(), file: file.map_err(failed)?, length })
    }

    /// Writes these bytes after the kept ones. If there is no room for all of them, the file stays as it was.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), RunFolderError> {
        let length = self.length + bytes.len() as u64;
        let mut write = || {
            self.file.seek(SeekFrom::Start(self.length))?;
            self.file.write_all(bytes)?;
            self.file.set_len(length)
        };
        if let Err(source) = write() {
            let _ = self.file.set_len(self.length); // the first error is the one to report
            return Err(RunFolderError::write(&self.path, source));
        }
        self.length = length;
        Ok(())
    }

    /// Stores the file and its name safely.
    pub(super) fn sync(&self) -> Result<(), RunFolderError> {
        let sync = || {
            self.file.set_len(self.length)?;
            self.file.sync_all()?;
            sync_folder(&self.path)
        };
        sync().map_err(|source| RunFolderError::write(&self.path, source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_into_a_new_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a/b/page.html");
        replace(&path, "new").expect("written");
        replace(&path, "newer").expect("written");
        assert_eq!(fs::read_to_string(&path).expect("there"), "newer");
    }
}
