//! A run in its folder.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use bptt::Module;

use super::trainer::{Ending, Trainer};
use crate::config::Config;
use crate::error::Error;
use crate::run::{Event, Log, RunFolder, Size};
use crate::terminal::{Progress, tell};
use crate::text::{Corpus, Part};

/// The settings that a resumed run may change.
const CHANGEABLE: [&str; 3] = ["training.steps", "training.epochs", "training.validate_every"];

/// A [`Trainer`] with the folder and the log that it writes.
#[derive(Debug)]
pub struct Session<'c> {
    trainer: Trainer<'c>,
    folder: RunFolder,
    log: Log,
}

impl<'c> Session<'c> {
    /// Starts a new run in the folder `path`.
    ///
    /// # Errors
    ///
    /// As [`Trainer::new`]; and if the folder cannot be written, or holds a run.
    pub fn begin(config: &Config, corpus: &'c Corpus, path: &Path) -> Result<Self, Error> {
        let trainer = Trainer::new(config.clone(), corpus)?;
        let folder = RunFolder::create(path)?;
        folder.files().write_config(&config.to_toml())?;
        let mut log = Log::create(folder.files())?;
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        log.append(&Event::Start {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            model: config.model.name(),
            parameters: trainer.model().parameter_count() as u64,
            text: String::new(),
            units: String::new(),
            vocabulary_size: corpus.vocabulary.len() as u64,
            train: size(&corpus.train),
            validation: size(&corpus.validation),
            steps: trainer.steps() as u64,
            unix_seconds: unix.as_secs_f64(),
        })?;
        Ok(Self { trainer, folder, log })
    }

    /// Continues the run in the folder `path`. The settings may differ from its own only in what leaves the steps
    /// already done the same.
    ///
    /// # Errors
    ///
    /// As [`Trainer::resume`]; and if the folder holds no run, or another setting differs.
    pub fn resume(config: &Config, corpus: &'c Corpus, path: &Path) -> Result<Self, Error> {
        let folder = RunFolder::open(path)?;
        let before = Config::from_file(&folder.files().config)?;
        let changed = before.differences(config);
        let is_fixed = |name: &&String| !CHANGEABLE.contains(&name.as_str());
        if let Some(name) = changed.iter().find(is_fixed) {
            return Err(Error::ChangedSetting { name: name.clone() });
        }
        let (trainer, log) = Trainer::resume(config.clone(), corpus, &folder)?;
        if !changed.is_empty() {
            tell(
                "note: with other steps the learning rate takes another course, so this is another run",
            );
            folder.files().write_config(&config.to_toml())?;
        }
        Ok(Self { trainer, folder, log })
    }

    /// Trains, as [`Trainer::run`] does.
    ///
    /// # Errors
    ///
    /// As [`Trainer::run`].
    pub fn run(
        &mut self,
        progress: &mut Progress,
        stop: impl FnMut() -> Option<Ending>,
    ) -> Result<Ending, Error> {
        let Self { trainer, folder, log } = self;
        trainer.run(folder, log, progress, stop)
    }

    /// Returns the trainer.
    #[must_use]
    pub fn trainer(&self) -> &Trainer<'c> {
        &self.trainer
    }

    /// Returns the folder.
    #[must_use]
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }
}

fn size(part: &Part) -> Size {
    Size { tokens: part.tokens.len() as u64, characters: part.characters, words: part.words }
}
