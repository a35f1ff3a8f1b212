//! A training that was recorded.

use std::fs;
use std::path::Path;

use super::entries::Record;
use super::error::RecordError;
use super::log::read_log;
use super::page;
use super::warnings::{Warning, diagnose};

/// The name of the file of records.
pub(super) const LINES: &str = "record.jsonl";

/// Returns whether a folder holds a record. A program that was killed at the start may leave an empty file.
pub(super) fn holds_record(folder: &Path) -> bool {
    fs::metadata(folder.join(LINES)).is_ok_and(|file| file.len() > 0)
}

/// A training that was recorded, read from its folder.
#[derive(Clone, Debug)]
pub struct Recording {
    records: Vec<Record>,
}

impl Recording {
    /// Reads the record in a folder. A last line that was cut off by a kill is left out.
    ///
    /// # Errors
    ///
    /// If the folder holds no record, or a damaged one.
    pub fn read(folder: impl AsRef<Path>) -> Result<Self, RecordError> {
        let folder = folder.as_ref();
        if !holds_record(folder) {
            return Err(RecordError::Missing { folder: folder.to_path_buf() });
        }
        Ok(Self { records: read_log(&folder.join(LINES))? })
    }

    /// Returns the records in their order.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Returns what is wrong with the training, the worst first.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        diagnose(&self.records)
    }

    /// Returns the training on one page of HTML, which needs no other file.
    #[must_use]
    pub fn page(&self) -> String {
        page::render(&self.records)
    }
}
