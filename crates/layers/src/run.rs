//! The files of a training run. A new run never destroys what an earlier one has saved.
//!
//! ```
//! use bptt_autodiff::Param;
//! use bptt_layers::run::Files;
//! use bptt_layers::weights::Archive;
//! use bptt_tensor::Tensor;
//!
//! # let folder = tempfile::tempdir()?;
//! # let out = folder.path().join("model.safetensors");
//! # let model = Param::new(Tensor::<f32>::ones([3]));
//! let files = Files::beside(&out);
//! let mut saver = files.start()?; // now no other run can save there
//! let mut checkpoint = Archive::new();
//! checkpoint.insert_group("model", &Archive::of(&model));
//! checkpoint.set_text("step", 0);
//! saver.save(&checkpoint, &Archive::of(&model))?;
//! # drop(saver);
//!
//! let mut saver = files.resume()?;
//! let checkpoint = Archive::<f32>::load(&files.checkpoint)?;
//! assert_eq!(checkpoint.parse::<u64>("step")?, 0);
//! # saver.save(&checkpoint, &checkpoint.group("model"))?;
//! # drop(saver);
//!
//! let mut saver = files.start()?; // a new run
//! saver.save(&checkpoint, &checkpoint.group("model"))?;
//! assert!(folder.path().join("model.1.safetensors").exists(), "the one before is kept");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use bptt_tensor::Scalar;

use crate::weights::archive::Archive;
use crate::weights::atomic;
use crate::weights::error::WeightsError;

/// The names of a run's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The best weights, for use.
    pub best: PathBuf,
    /// The checkpoint, which a run resumes from.
    pub checkpoint: PathBuf,
}

impl Files {
    /// The files of a run that saves its best weights to `out`: the checkpoint of
    /// `model.safetensors` is `model.checkpoint.safetensors`.
    #[must_use]
    pub fn beside(out: impl AsRef<Path>) -> Self {
        let out = out.as_ref();
        Self { best: out.to_path_buf(), checkpoint: with_suffix(out, "checkpoint.safetensors") }
    }

    /// Locks the files for a new run and creates their folder. The files of an earlier run keep their names until the
    /// new run has been [saved](Saver::save).
    ///
    /// # Errors
    ///
    /// If another run saves to the same files, or if the folder cannot be created or written.
    pub fn start(&self) -> Result<Saver, RunError> {
        if let Some(folder) = self.best.parent() {
            fs::create_dir_all(folder)
                .map_err(|source| RunError::Folder { path: folder.to_path_buf(), source })?;
        }
        self.take(true)
    }

    /// Locks the files of an existing run, before it is loaded.
    ///
    /// # Errors
    ///
    /// If another run saves to the same files, or if the folder does not exist or cannot be written.
    pub fn resume(&self) -> Result<Saver, RunError> {
        self.take(false)
    }

    fn take(&self, is_new: bool) -> Result<Saver, RunError> {
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
        Ok(Saver { files: self.clone(), is_new, kept: None, _lock: lock })
    }

    fn both(&self) -> [&Path; 2] {
        [&self.checkpoint, &self.best]
    }

    /// The files of an earlier run under this number.
    fn numbered(&self, number: usize) -> Self {
        Self::beside(with_suffix(&self.best, &format!("{number}.safetensors")))
    }

    /// The files that a new run is written to until it is complete. No run has such a name.
    fn incoming(&self) -> Self {
        let incoming = |path: &Path| {
            let mut path = path.to_path_buf();
            path.as_mut_os_string().push(".new");
            path
        };
        Self { best: incoming(&self.best), checkpoint: incoming(&self.checkpoint) }
    }

    /// Removes unfinished files of killed programs. The holder of the lock knows that nobody is writing them.
    fn remove_left_over(&self) {
        let incoming = self.incoming();
        for path in self.both().into_iter().chain(incoming.both()) {
            atomic::remove_abandoned(path);
        }
        for path in incoming.both() {
            let _ = fs::remove_file(path); // a file that stays does no harm
        }
    }

    /// Renames each existing file to its counterpart in `to`, so that a power failure does not undo it.
    fn rename(&self, to: &Self) -> Result<(), RunError> {
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

/// `path` with a suffix in place of its `safetensors`, if it has one.
fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let named = path.extension().is_some_and(|extension| extension == "safetensors");
    let mut path = if named { path.with_extension("") } else { path.to_path_buf() };
    path.as_mut_os_string().push(format!(".{suffix}"));
    path
}

/// Saves one run. While it exists, no other run can save to the same files, in this process or another. A crash
/// releases the lock, too.
///
/// The lock is an advisory one of the operating system, on `model.lock`. That file stays.
#[derive(Debug)]
pub struct Saver {
    files: Files,
    /// Nothing has been saved, so existing files belong to an earlier run.
    is_new: bool,
    kept: Option<Files>,
    _lock: File,
}

impl Saver {
    /// Saves the run and its best weights, each in one instant, the checkpoint first.
    ///
    /// A program that is killed in between leaves two complete files. The checkpoint is the newer
    /// one, so a resumed run trusts it alone: it holds the best weights too.
    ///
    /// When a new run is saved for the first time, the files of an earlier one are renamed to the
    /// first free number: `model.1.safetensors` and `model.1.checkpoint.safetensors`. That happens
    /// once both new files are safely stored, so that a full disk changes nothing.
    ///
    /// # Errors
    ///
    /// If a file cannot be written or renamed. Everything that was saved before is then still there. Files of an
    /// earlier run have either their old or their new names.
    pub fn save<T: Scalar>(
        &mut self,
        checkpoint: &Archive<T>,
        best: &Archive<T>,
    ) -> Result<(), RunError> {
        if !self.is_new {
            checkpoint.save(&self.files.checkpoint)?;
            return self.save_best(best);
        }
        let incoming = self.files.incoming();
        let written =
            checkpoint.save(&incoming.checkpoint).and_then(|()| best.save(&incoming.best));
        if let Err(error) = written {
            self.files.remove_left_over();
            return Err(error.into());
        }
        if self.files.both().iter().any(|path| path.is_file()) {
            let kept = (1..).map(|number| self.files.numbered(number));
            let is_free = |kept: &Files| kept.both().iter().all(|path| !path.exists());
            let kept = kept.into_iter().find(is_free).expect("some number is free");
            self.files.rename(&kept)?;
            self.kept = Some(kept);
        }
        incoming.rename(&self.files)?;
        self.is_new = false;
        Ok(())
    }

    /// Saves the best weights alone.
    ///
    /// # Errors
    ///
    /// If the file cannot be written. An existing file then stays as it is.
    pub fn save_best<T: Scalar>(&self, best: &Archive<T>) -> Result<(), RunError> {
        Ok(best.save(&self.files.best)?)
    }

    /// The names of the files.
    #[must_use]
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// The new names of an earlier run's files, if there were any.
    #[must_use]
    pub fn kept(&self) -> Option<&Files> {
        self.kept.as_ref()
    }
}

/// Why a run cannot be saved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The folder of the files cannot be created.
    #[error("cannot make the folder {path}: {source}", path = .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the operating system answered.
        source: io::Error,
    },

    /// Another run saves to the same files.
    #[error(
        "another run saves to {best} and holds {lock}: let it end, or save elsewhere",
        best = .best.display(),
        lock = .lock.display()
    )]
    Taken {
        /// The file of the best weights.
        best: PathBuf,
        /// The file that is locked.
        lock: PathBuf,
    },

    /// The lock file cannot be created or locked.
    #[error("cannot lock {path}: {source}; save elsewhere", path = .path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// What the operating system answered.
        source: io::Error,
    },

    /// A file cannot be renamed.
    #[error(
        "cannot rename {from} to {to}: {source}; save elsewhere",
        from = .from.display(),
        to = .to.display()
    )]
    Rename {
        /// The file.
        from: PathBuf,
        /// Its new name.
        to: PathBuf,
        /// What the operating system answered.
        source: io::Error,
    },

    /// A file cannot be written.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}
