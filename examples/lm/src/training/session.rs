//! A run in its folder.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use bptt::Module;
use bptt::decode::Sampling;

use super::trainer::{Ending, Trainer};
use crate::config::Config;
use crate::error::Error;
use crate::evaluation::score;
use crate::generation::Continuation;
use crate::model::LanguageModel;
use crate::run::{Event, Log, RunFiles, RunFolder, Size, write_report};
use crate::text::{Corpus, Part, Streams};
use programs::terminal::{Progress, tell};

/// The settings that a resumed run may change.
const CHANGEABLE: [&str; 3] = ["training.steps", "training.epochs", "training.validate_every"];

/// The number of tokens that the best model writes at the end.
const SAMPLE: usize = 500;
const SAMPLE_TEMPERATURE: f64 = 0.8;

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
        if let Some(source) = config.model.cell.source() {
            folder.files().write_cell(source)?;
        }
        let mut log = Log::create(&folder.files().log, &folder.files().tensorboard)?;
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        log.append(&Event::Start {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            model: config.model.name(),
            parameters: trainer.model().parameter_count() as u64,
            text: config.text.to_string(),
            units: corpus.vocabulary.units().to_string(),
            vocabulary_size: corpus.vocabulary.len() as u64,
            train: size(&corpus.train),
            validation: size(&corpus.validation),
            steps: trainer.steps() as u64,
            unix_seconds: unix.as_secs_f64(),
        })?;
        Ok(Self { trainer, folder, log })
    }

    /// Continues the run in the folder `path`. Only settings that do not change the steps already done may differ from
    /// its own.
    ///
    /// # Errors
    ///
    /// As [`Trainer::resume`]; and if the folder holds no run, or another setting differs.
    pub fn resume(config: &Config, corpus: &'c Corpus, path: &Path) -> Result<Self, Error> {
        let folder = RunFolder::open(path)?;
        let before = Config::from_file(&folder.files().config)?;
        let changed = expect_same_run(&before, config)?;
        expect_same_cell(config, folder.files())?;
        let (trainer, log) = Trainer::resume(config.clone(), corpus, &folder)?;
        log::info!("step {}: resumed from {}", trainer.steps_done(), path.display());
        if !changed.is_empty() {
            tell(
                "note: with another number of steps the learning rate takes another course, so this is another run",
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

    /// Logs why the run has ended, and writes its report. A run that was not interrupted is scored on the test text, if
    /// there is one, and writes a sample.
    ///
    /// # Errors
    ///
    /// If a file cannot be written.
    pub fn conclude(&mut self, ending: Ending, reason: &str) -> Result<(), Error> {
        if ending != Ending::Interrupted {
            let model = self.trainer.best().model()?;
            self.score_test(&model)?;
            self.write_sample(&model)?;
        }
        let (step, seconds) = (self.trainer.steps_done() as u64, self.log.seconds());
        self.log.append(&Event::End { step, reason: reason.to_owned(), seconds })?;
        Ok(write_report(self.folder.files())?)
    }

    /// Logs the score of the best model on the test text.
    fn score_test(&mut self, model: &LanguageModel) -> Result<(), Error> {
        let Some(test) = &self.trainer.corpus().test else { return Ok(()) };
        let settings = &self.trainer.best().config.training;
        let streams = Streams::at_most(&test.tokens, settings.batch_size, settings.window)?;
        let score = score(model, test, &streams, settings.window);
        Ok(self.log.append(&Event::Test {
            step: self.trainer.best().step as u64,
            nats: score.nats,
            size: size(test),
            seconds: self.log.seconds(),
        })?)
    }

    /// Logs a text that the best model writes.
    fn write_sample(&mut self, model: &LanguageModel) -> Result<(), Error> {
        let best = self.trainer.best();
        let sampling = Sampling::new().temperature(SAMPLE_TEMPERATURE);
        let seed = best.config.training.seed;
        let tokens = Continuation::new(model, model.stepper(1), &best.opening(), sampling, seed);
        let text = best.vocabulary.decode(&tokens.take(SAMPLE).collect::<Vec<_>>());
        let step = best.step as u64;
        Ok(self.log.append(&Event::Sample { step, text })?)
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

/// Returns the names of the settings that differ, all of which a resumed run may change.
///
/// # Errors
///
/// If another setting differs.
pub(super) fn expect_same_run(before: &Config, now: &Config) -> Result<Vec<String>, Error> {
    let changed = before.differences(now);
    match changed.iter().find(|name| !CHANGEABLE.contains(&name.as_str())) {
        Some(name) => Err(Error::ChangedSetting { name: name.clone() }),
        None => Ok(changed),
    }
}

/// Refuses a run whose own cell has changed since it began: with other equations it would silently be another run.
///
/// # Errors
///
/// If the cell has changed, or its source in the folder cannot be read.
pub(crate) fn expect_same_cell(config: &Config, files: &RunFiles) -> Result<(), Error> {
    match config.model.cell.source() {
        Some(source) if !files.has_cell(source)? => {
            Err(Error::ChangedCell { cell: files.cell.clone() })
        }
        _ => Ok(()),
    }
}

fn size(part: &Part) -> Size {
    Size { tokens: part.tokens.len() as u64, characters: part.characters, words: part.words }
}
