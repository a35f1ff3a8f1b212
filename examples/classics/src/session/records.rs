//! Results of single runs, kept so that a program that was stopped goes on where it was.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// A file with a line of JSON for each result, in the folder of a program.
pub(super) struct Records {
    folder: PathBuf,
    /// Held while a line is written.
    writing: Mutex<()>,
}

impl Records {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, writing: Mutex::new(()) }
    }

    fn path(&self) -> PathBuf {
        self.folder.join("runs.jsonl")
    }

    /// Adds a result at the end of the file.
    pub(super) fn add(&self, result: &impl Serialize) -> Result<()> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        // begins a line, since a program that was killed may have left a part of one
        let line = format!("\n{}", serde_json::to_string(result).expect("it is plain data"));
        fs::create_dir_all(&self.folder)
            .and_then(|()| OpenOptions::new().create(true).append(true).open(self.path()))
            .and_then(|mut file| file.write_all(line.as_bytes()))
            .map_err(|source| Error::Write { path: self.path(), source })
    }

    /// Returns all results. A line that is not complete, since its program was killed, is left out.
    pub(super) fn read<R: DeserializeOwned>(&self) -> Result<Vec<R>> {
        let text = match fs::read_to_string(self.path()) {
            Ok(text) => text,
            Err(source) if source.kind() == io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(Error::Read { path: self.path(), source }),
        };
        Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }
}
