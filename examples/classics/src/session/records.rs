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

    /// Returns all results. A line that ends too early, since its program was killed, is left out.
    pub(super) fn read<R: DeserializeOwned>(&self) -> Result<Vec<R>> {
        let text = match fs::read_to_string(self.path()) {
            Ok(text) => text,
            Err(source) if source.kind() == io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(Error::Runs { path: self.path(), source }),
        };
        let lines = text.lines().filter(|line| !line.is_empty()).map(serde_json::from_str);
        let complete = lines.filter(|line| !line.as_ref().is_err_and(serde_json::Error::is_eof));
        let read: Result<Vec<R>, _> = complete.collect();
        read.map_err(|source| Error::Runs { path: self.path(), source: source.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_killed_program_loses_its_last_line_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let records = Records::new(folder.path().join("program"));
        assert_eq!(records.read::<(u64, f64)>().expect("none yet"), []);
        records.add(&(1, 0.5)).expect("it is written");
        let mut file = OpenOptions::new().append(true).open(records.path()).expect("it exists");
        file.write_all(b"\n[2, 0.").expect("a part of a line");
        records.add(&(3, 1.5)).expect("it is written");
        assert_eq!(records.read::<(u64, f64)>().expect("lines"), [(1, 0.5), (3, 1.5)]);
    }

    #[test]
    fn a_line_of_another_kind_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let records = Records::new(folder.path().to_path_buf());
        records.add(&"text").expect("it is written");
        let error = records.read::<u64>().expect_err("it is no number").to_string();
        assert!(error.contains("runs.jsonl") && error.contains("move it away"), "{error}");
    }
}
