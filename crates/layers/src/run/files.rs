//! The paths of a run's files, and the lock on them.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::error::RunError;
use crate::weights::atomic;

/// The paths of a run's two files.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Files {
    /// The weights for use.
    pub best: PathBuf,
    /// The checkpoint, which holds all of the run.
    pub checkpoint: PathBuf,
}

impl Files {
    /// Returns the files of a run that saves its weights to `out`. The checkpoint of `model.safetensors` is
    /// `model.checkpoint.safetensors`.
    #[must_use]
    pub fn beside(out: impl AsRef<Path>) -> Self {
        let out = out.as_ref();
        Self { best: out.to_path_buf(), checkpoint: with_suffix(out, "checkpoint.safetensors") }
    }

    /// Creates the folder of the files. A path that is a folder itself is refused now, not at the first save.
    pub(super) fn create_folder(&self) -> Result<(), RunError> {
        let Some(folder) = self.best.parent().filter(|_| !self.best.is_dir()) else {
            return Err(RunError::NoFile { path: self.best.clone() });
        };
        fs::create_dir_all(folder)
            .map_err(|source| RunError::Folder { path: folder.to_path_buf(), source })
    }

    /// Locks the files until the returned file is closed, and removes what killed programs left beside them.
    pub(super) fn lock(&self) -> Result<File, RunError> {
        let path = with_suffix(&self.best, "lock");
        let failed = |source| RunError::Lock { path: path.clone(), source };
        let lock = File::options().write(true).create(true).truncate(false).open(&path);
        let lock = lock.map_err(failed)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => {
                RunError::Taken { best: self.best.clone(), lock: path.clone() }
            }
            TryLockError::Error(source) => failed(source),
        })?;
        self.remove_left_over();
        Ok(lock)
    }

    pub(super) fn both(&self) -> [&Path; 2] {
        [&self.checkpoint, &self.best]
    }

    /// Returns the paths with this number, to which the files of an earlier run are renamed.
    pub(super) fn numbered(&self, number: usize) -> Self {
        Self::beside(with_suffix(&self.best, &format!("{number}.safetensors")))
    }

    /// Returns the paths that the first save of a new run writes to until both files are complete. No run has such
    /// names.
    pub(super) fn incoming(&self) -> Self {
        let incoming = |path: &Path| {
            let mut path = path.to_path_buf();
            path.as_mut_os_string().push(".new");
            path
        };
        Self { best: incoming(&self.best), checkpoint: incoming(&self.checkpoint) }
    }

    /// Removes unfinished files of killed programs. Only the holder of the lock may call it.
    pub(super) fn remove_left_over(&self) {
        let incoming = self.incoming();
        for path in self.both().into_iter().chain(incoming.both()) {
            atomic::remove_abandoned(path);
        }
        for path in incoming.both() {
            let _ = fs::remove_file(path); // a file that remains does no harm
        }
    }

    /// Renames each existing file to its counterpart in `to`, and flushes the new names to disk.
    pub(super) fn rename(&self, to: &Self) -> Result<(), RunError> {
        let failed = |from: &Path, to: &Path, source| {
            let (from, to) = (from.to_path_buf(), to.to_path_buf());
            RunError::Rename { from, to, source }
        };
        for (from, to) in self.both().into_iter().zip(to.both()).filter(|(from, _)| from.is_file())
        {
            fs::rename(from, to).map_err(|source| failed(from, to, source))?;
        }
        atomic::sync_folder(&to.best).map_err(|source| failed(&self.best, &to.best, source))
    }
}

/// Returns `path` with a suffix in place of its `safetensors`, if it ends in that.
fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let named = path.extension().is_some_and(|extension| extension == "safetensors");
    let mut path = if named { path.with_extension("") } else { path.to_path_buf() };
    path.as_mut_os_string().push(format!(".{suffix}"));
    path
}
