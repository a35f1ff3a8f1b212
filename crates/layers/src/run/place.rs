//! The place on disk that one run saves to.

use std::fs::File;
use std::path::Path;

use bptt_tensor::Scalar;

use super::error::RunError;
use super::files::Files;
use super::training::Training;
use crate::core::module::Module;
use crate::optim::optimizer::Optimizer;
use crate::weights::archive::Archive;

/// The place on disk that one run saves to: a file of weights for use, and a checkpoint beside it.
///
/// While the value exists, no other run can save there, in this process or another. The lock is an advisory lock of the
/// operating system on `model.lock`. A crash releases it, and the lock file remains.
#[derive(Debug)]
pub struct Run {
    files: Files,
    /// Nothing has been saved, so existing files belong to an earlier run.
    is_new: bool,
    kept: Option<Files>,
    _lock: File,
}

impl Run {
    /// Begins a new run that saves its weights to `out`, and creates the folder. The files of an earlier run keep their
    /// names until the new run is [saved](Self::save).
    ///
    /// # Errors
    ///
    /// If `out` is a folder, if another run saves to the same files, or if the folder cannot be created or written.
    pub fn new(out: impl AsRef<Path>) -> Result<Self, RunError> {
        let files = Files::beside(out);
        files.create_folder()?;
        Self::locked(files, true)
    }

    /// Continues the run that saved its weights to `out`. [`restore`](Self::restore) loads its training.
    ///
    /// # Errors
    ///
    /// If there is no checkpoint, if another run saves to the same files, or if the folder cannot be written.
    pub fn resume(out: impl AsRef<Path>) -> Result<Self, RunError> {
        let files = Files::beside(out);
        if !files.checkpoint.exists() {
            return Err(RunError::Missing { checkpoint: files.checkpoint });
        }
        Self::locked(files, false)
    }

    fn locked(files: Files, is_new: bool) -> Result<Self, RunError> {
        let lock = files.lock()?;
        Ok(Self { files, is_new, kept: None, _lock: lock })
    }

    /// Saves the training: its [checkpoint](Training::checkpoint), and its [best](Training::best) weights, or those of
    /// the model if there are none. Each file replaces its predecessor in one instant, the checkpoint first.
    ///
    /// A program that is killed between the two leaves two complete files. The checkpoint is the newer one and holds
    /// the best weights too, so a resumed run reads it alone.
    ///
    /// The first save of a new run renames the files of an earlier one to the first free number: `model.1.safetensors`
    /// and `model.1.checkpoint.safetensors`. It does so once both new files are on disk, so that a full disk changes
    /// nothing.
    ///
    /// # Errors
    ///
    /// If a file cannot be written or renamed. Everything that was saved before is then still there. Files of an
    /// earlier run have either their old or their new names.
    pub fn save<T, M, O>(&mut self, training: &Training<T, M, O>) -> Result<(), RunError>
    where
        T: Scalar,
        M: Module<T>,
        O: Optimizer<T>,
    {
        let (checkpoint, best) = (training.checkpoint(), training.weights());
        if !self.is_new {
            checkpoint.save(&self.files.checkpoint)?;
            return self.save_weights(&best);
        }
        let incoming = self.files.incoming();
        let written =
            checkpoint.save(&incoming.checkpoint).and_then(|()| best.save(&incoming.best));
        if let Err(error) = written {
            self.files.remove_left_over();
            return Err(error.into());
        }
        self.keep_earlier()?;
        incoming.rename(&self.files)?;
        self.is_new = false;
        Ok(())
    }

    /// Renames the files of an earlier run to the first free number.
    fn keep_earlier(&mut self) -> Result<(), RunError> {
        if self.files.both().iter().any(|path| path.is_file()) {
            let mut kept = (1..).map(|number| self.files.numbered(number));
            let is_free = |kept: &Files| kept.both().iter().all(|path| !path.exists());
            let kept = kept.find(is_free).expect("some number is free");
            self.files.rename(&kept)?;
            self.kept = Some(kept);
        }
        Ok(())
    }

    /// Saves the weights for use without a checkpoint, such as those of a last measurement that a resumed run should
    /// not know of.
    ///
    /// # Errors
    ///
    /// If the file cannot be written. An existing file then stays as it is.
    pub fn save_weights<T: Scalar>(&self, weights: &Archive<T>) -> Result<(), RunError> {
        Ok(weights.save(&self.files.best)?)
    }

    /// Restores the training from the checkpoint, as [`Training::restore`] does.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is damaged, or is of another kind of training. The training then stays as it was.
    pub fn restore<T, M, O>(&self, training: &mut Training<T, M, O>) -> Result<(), RunError>
    where
        T: Scalar,
        M: Module<T>,
        O: Optimizer<T>,
    {
        Ok(training.restore(&Archive::load(&self.files.checkpoint)?)?)
    }

    /// Returns the paths of the files.
    #[must_use]
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Returns the new paths of an earlier run's files, if there were any.
    #[must_use]
    pub fn kept(&self) -> Option<&Files> {
        self.kept.as_ref()
    }
}
