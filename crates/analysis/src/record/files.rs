//! Files that are replaced atomically, and files that grow.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bptt_layers::weights::atomic::sync_folder;

use super::error::RecordError;
use crate::atomic;

/// Replaces a file atomically: even if the program is killed, a complete file is left. Creates its folder.
///
/// # Errors
///
/// If the file cannot be written. An existing file then stays as it is.
pub fn replace(path: &Path, contents: &str) -> Result<(), RecordError> {
    let written = atomic::replace(path, contents.as_bytes());
    written.map_err(|source| RecordError::write(path, source))
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
    pub(super) fn open(path: &Path, length: usize) -> Result<Self, RecordError> {
        let failed = |source| RecordError::write(path, source);
        let file = File::options().write(true).create(true).truncate(false).open(path);
        let length = length as u64;
        Ok(Self { path: path.to_path_buf(), file: file.map_err(failed)?, length })
    }

    /// Writes these bytes after the kept ones. If there is no room for all of them, the file stays as it was.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), RecordError> {
        let length = self.length + bytes.len() as u64;
        let mut write = || {
            self.file.seek(SeekFrom::Start(self.length))?;
            self.file.write_all(bytes)?;
            self.file.set_len(length)
        };
        if let Err(source) = write() {
            let _ = self.file.set_len(self.length); // the first error is the one to report
            return Err(RecordError::write(&self.path, source));
        }
        self.length = length;
        Ok(())
    }

    /// Stores the file and its name safely.
    pub(super) fn sync(&self) -> Result<(), RecordError> {
        let sync = || {
            self.file.set_len(self.length)?;
            self.file.sync_all()?;
            sync_folder(&self.path)
        };
        sync().map_err(|source| RecordError::write(&self.path, source))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_written_into_a_new_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a/b/page.html");
        replace(&path, "new").expect("written");
        replace(&path, "newer").expect("written");
        assert_eq!(fs::read_to_string(&path).expect("there"), "newer");
    }

    /// A device that is always full.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error() {
        let mut file = Appended::open(Path::new("/dev/full"), 0).expect("it can be opened");
        let error = file.append(b"more").expect_err("it is full").to_string();
        assert!(error.starts_with("cannot write /dev/full: No space left on device"), "{error}");
    }
}
