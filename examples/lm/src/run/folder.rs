//! The folder of a run that trains.

use std::path::Path;

use bptt::run::{Run, Training};
use bptt::weights::Archive;
use bptt::{Module, Optimizer, Scalar};

use super::Log;
use super::error::RunFolderError;
use super::files::RunFiles;

/// The entry of a checkpoint that counts the entries of the log before it.
const LOG_ENTRIES: &str = "log_entries";

/// The folder of a run that trains. While the value exists, no other process can train there.
///
/// A run begins with [`create`](Self::create), [`Log::create`], an [`Event::Start`](super::Event::Start) and a
/// [`save`](Self::save) before the first step. It goes on with [`open`](Self::open), [`restore`](Self::restore)
/// and [`resume_log`](Self::resume_log).
#[derive(Debug)]
pub struct RunFolder {
    files: RunFiles,
    run: Run,
}

impl RunFolder {
    /// Creates the folder of a new run.
    ///
    /// The files of a run that was killed before its first [`save`](Self::save) are overwritten.
    ///
    /// # Errors
    ///
    /// If the folder holds a run or foreign files of the same names, if another process trains there, or if it cannot
    /// be written.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, RunFolderError> {
        Self::expect_free(&path)?;
        let files = RunFiles::of(path.as_ref());
        let run = Run::new(&files.weights)?;
        refuse_to_replace(&files)?; // now that no other process can save there
        Ok(Self { files, run })
    }

    /// Checks that a new run can be created in the folder `path`, as [`create`](Self::create) does.
    ///
    /// # Errors
    ///
    /// If the folder holds a run or foreign files of the same names.
    pub fn expect_free(path: impl AsRef<Path>) -> Result<(), RunFolderError> {
        refuse_to_replace(&RunFiles::of(path.as_ref()))
    }

    /// Opens the folder of a run that is to go on.
    ///
    /// # Errors
    ///
    /// If there is no checkpoint, if another process trains there, or if the folder cannot be written.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, RunFolderError> {
        let files = RunFiles::of(path.as_ref());
        let run = Run::resume(&files.weights)?;
        Ok(Self { files, run })
    }

    /// Returns the paths of the files.
    #[must_use]
    pub fn files(&self) -> &RunFiles {
        &self.files
    }

    /// Saves the log up to here, and then the checkpoint and the best weights, as [`Run::save`] does. The checkpoint
    /// has the number of entries under `log_entries` in [`Training::extra`].
    ///
    /// # Errors
    ///
    /// If a file cannot be written. What was saved before is then still there.
    pub fn save<T, M, O>(
        &mut self,
        training: &mut Training<T, M, O>,
        log: &Log,
    ) -> Result<(), RunFolderError>
    where
        T: Scalar,
        M: Module<T>,
        O: Optimizer<T>,
    {
        log.sync()?;
        training.extra.set_text(LOG_ENTRIES, log.entries());
        self.run.save(training).map_err(RunFolderError::Save)?;
        log::info!("step {}: saved to {}", training.step, self.files.checkpoint.display());
        Ok(())
    }

    /// Saves the weights alone, as [`Run::save_weights`] does.
    ///
    /// # Errors
    ///
    /// If the file cannot be written. An existing file then stays as it is.
    pub fn save_weights<T: Scalar>(&self, weights: &Archive<T>) -> Result<(), RunFolderError> {
        self.run.save_weights(weights).map_err(RunFolderError::Save)
    }

    /// Restores the training from the checkpoint.
    ///
    /// # Errors
    ///
    /// If the checkpoint cannot be read, is damaged, or is of another kind of run.
    pub fn restore<T, M, O>(&self, training: &mut Training<T, M, O>) -> Result<(), RunFolderError>
    where
        T: Scalar,
        M: Module<T>,
        O: Optimizer<T>,
    {
        Ok(self.run.restore(training)?)
    }

    /// Cuts the log back to the checkpoint from which the training was restored. The events that are cut off are lost,
    /// so all other checks of the run come before.
    ///
    /// # Errors
    ///
    /// If the log cannot be read, is damaged, or ends before the checkpoint. It then stays as it was.
    pub fn resume_log<T, M, O>(&self, training: &Training<T, M, O>) -> Result<Log, RunFolderError>
    where
        T: Scalar,
    {
        let entries = training
            .extra
            .parse(LOG_ENTRIES)
            .map_err(|_| RunFolderError::NoLength { checkpoint: self.files.checkpoint.clone() })?;
        Ok(Log::resume(&self.files.log, &self.files.tensorboard, entries)?)
    }
}

/// Refuses a folder with files that a new run would replace. A lock file shows that they are not foreign files, but
/// those of an unfinished start.
fn refuse_to_replace(files: &RunFiles) -> Result<(), RunFolderError> {
    if files.checkpoint.exists() {
        return Err(RunFolderError::HoldsRun { folder: files.folder.clone() });
    }
    match files.results().into_iter().find(|file| file.exists()) {
        Some(file) if !files.lock.exists() => {
            Err(RunFolderError::Foreign { file: file.to_path_buf() })
        }
        _ => Ok(()),
    }
}
