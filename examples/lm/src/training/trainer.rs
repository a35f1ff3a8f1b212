//! The training loop.

use std::path::Path;

use bptt::prelude::*;
use bptt::run::Training;
use bptt::weights::Archive;

use super::average::Average;
use super::clock::Clock;
use super::divergence::Divergence;
use super::meter::Meter;
use super::optimizer::{AnyOptimizer, optimizer, schedule};
use super::plan::Plan;
use super::saved::Saved;
use super::session::expect_same_run;
use super::settings::TrainingSettings;
use super::windows::random_length;
use crate::config::Config;
use crate::error::Error;
use crate::evaluation::{Score, score};
use crate::model::{Carried, LanguageModel};
use crate::run::{Event, Log, RunFolder};
use crate::text::{Corpus, Streams, Window};
use programs::terminal::{Progress, memory};

/// A training run: one window of text is one step.
#[derive(Debug)]
pub struct Trainer<'c> {
    config: Config,
    corpus: &'c Corpus,
    plan: Plan,
    batches: Streams,
    validation: Streams,
    training: Training<f32, LanguageModel, AnyOptimizer>,
    average: Average,
    place: Place,
    meter: Meter,
    best: Saved,
}

/// The position in the text that training has reached.
#[derive(Debug)]
struct Place {
    /// The number of whole passes.
    pass: usize,
    /// The number of steps within the pass.
    start: usize,
    /// The state after the last window.
    carried: Carried,
}

/// Why [`Trainer::run`] came to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All steps are done.
    Finished,
    /// The time is over.
    OutOfTime,
    /// The user wants the run to stop.
    Interrupted,
}

impl<'c> Trainer<'c> {
    /// Returns a new run, with the score of its model before the first step.
    ///
    /// # Errors
    ///
    /// If a setting does not suit the others or the text, or if there is too little memory.
    pub fn new(config: Config, corpus: &'c Corpus) -> Result<Self, Error> {
        let mut trainer = Self::before_the_first_step(config, corpus)?;
        let score = trainer.score();
        trainer.best.nats = score.nats;
        trainer.best.weights = Archive::of(&trainer.training.model);
        Ok(trainer)
    }

    /// Returns the run that was saved in `folder`, and its log. It goes on as if it had never stopped.
    ///
    /// # Errors
    ///
    /// If the checkpoint is damaged, foreign, or of a run on another text.
    pub fn resume(
        config: Config,
        corpus: &'c Corpus,
        folder: &RunFolder,
    ) -> Result<(Self, Log), Error> {
        let mut trainer = Self::before_the_first_step(config, corpus)?;
        folder.restore(&mut trainer.training)?;
        trainer.restore(&folder.files().checkpoint)?;
        let log = folder.resume_log(&trainer.training)?;
        Ok((trainer, log))
    }

    /// Checks that a run with these settings can begin.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn check(config: &Config, corpus: &'c Corpus) -> Result<(), Error> {
        Self::before_the_first_step(config.clone(), corpus).map(drop)
    }

    fn before_the_first_step(config: Config, corpus: &'c Corpus) -> Result<Self, Error> {
        let settings = &config.training;
        let batches = Streams::new(&corpus.train.tokens, settings.batch_size, settings.window)?;
        let validation =
            Streams::at_most(&corpus.validation.tokens, settings.batch_size, settings.window)?;
        let plan = Plan::new(settings, &batches);
        let vocabulary_size = corpus.vocabulary.len();
        memory::expect(config.memory(vocabulary_size))?;
        let mut rng = bptt::rng(settings.seed);
        let Config { model, regularization, .. } = &config;
        let model = LanguageModel::new(model, regularization, vocabulary_size, &mut rng)?;
        let best = Saved {
            config: config.clone(),
            vocabulary: corpus.vocabulary.clone(),
            step: 0,
            nats: f64::INFINITY,
            weights: Archive::new(),
        };
        Ok(Self {
            place: Place { pass: 0, start: 0, carried: model.start() },
            average: Average::new(settings),
            training: Training::new(model, optimizer(&config), rng)
                .schedule(schedule(settings, plan.steps)),
            meter: Meter::default(),
            config,
            corpus,
            plan,
            batches,
            validation,
            best,
        })
    }

    /// Trains until all steps are done or `stop` returns another reason. Saves at the start, at every measurement and
    /// at the end. When the time is over, the model is measured once more and may then replace the best weights. The
    /// checkpoint does not have this measurement, so a resumed run does not depend on it.
    ///
    /// # Errors
    ///
    /// If training diverges, or a file cannot be written.
    pub fn run(
        &mut self,
        folder: &mut RunFolder,
        log: &mut Log,
        progress: &mut Progress,
        mut stop: impl FnMut() -> Option<Ending>,
    ) -> Result<Ending, Error> {
        let mut clock = Clock::new(log.seconds());
        self.save(folder, log)?;
        while self.training.step < self.plan.steps {
            if let Some(ending) = stop() {
                self.save(folder, log)?;
                if ending == Ending::OutOfTime {
                    // Not in the checkpoint: a run that never stops does not measure here.
                    self.measure(folder, log, progress, &clock)?;
                    folder.save_weights(&self.best.archive())?;
                }
                return Ok(ending);
            }
            let step = self.step().map_err(|fault| self.diverged(fault, folder))?;
            let (nats, tokens, norm) = step;
            progress.step(nats, tokens);
            self.meter.add(nats, tokens, norm);
            clock.tokens += tokens;
            let step = self.training.step;
            let is_last = step == self.plan.steps;
            let measures = step.is_multiple_of(self.plan.measure_every) || is_last;
            if step.is_multiple_of(self.plan.log_every) || measures {
                log.append(&self.line(&mut clock))?;
            }
            if measures {
                self.measure(folder, log, progress, &clock)?;
                self.save(folder, log)?;
            }
        }
        Ok(Ending::Finished)
    }

    /// Trains on the next window. Returns its loss, the number of its tokens and the norm of the gradient.
    fn step(&mut self) -> Result<(f64, usize, f64), Divergence> {
        let number = self.training.step + 1;
        let window = self.next_window();
        let Training { model, rng, .. } = &mut self.training;
        let tape = Tape::new();
        let batch = self.batches.batch();
        let outputs = model.train(&tape, &window.inputs, batch, &mut self.place.carried, rng);
        let loss = model.loss(outputs.dropped, &window.targets).mean();
        let nats = f64::from(loss.item());
        if !nats.is_finite()
            && let Some(fault) = tape.first_non_finite()
        {
            return Err(Divergence::Value { step: number, fault: fault.into() });
        }
        Divergence::check(number, nats, self.corpus.vocabulary.len())?;

        let penalty = outputs.penalty(&self.config.regularization);
        let mut gradients = tape.backward(penalty.map_or(loss, |penalty| loss + penalty));
        drop(tape); // a tape would hold the parameters, so that they could not change in place
        let norm = clip_norm(&self.training.model, &mut gradients, self.config.training.clip)
            .map_err(|fault| Divergence::Gradient { step: number, fault })?;
        self.update(&gradients, window.steps);
        Ok((nats, window.targets.len(), norm))
    }

    /// Returns the window that follows the last one. After the end of the text it is the first, which is read from the
    /// initial state.
    fn next_window(&mut self) -> Window {
        let Place { pass, start, carried } = &mut self.place;
        if *start == self.batches.steps() {
            (*pass, *start) = (*pass + 1, 0);
            *carried = self.training.model.start();
        }
        let settings = &self.config.training;
        let length = match settings.random_windows {
            true => random_length(settings.window, &mut self.training.rng),
            false => settings.window,
        };
        let window = self.batches.window(*start, length.min(self.batches.steps() - *start));
        *start += window.steps;
        window
    }

    /// Updates the weights. The learning rate of a window of random length is in proportion to its length (Merity et
    /// al. 2018).
    fn update(&mut self, gradients: &Gradients<f32>, steps: usize) {
        let TrainingSettings { random_windows, window, .. } = self.config.training;
        let scale = if random_windows { steps as f64 / window as f64 } else { 1.0 };
        let training = &mut self.training;
        training.optimizer.set_learning_rate(scale * training.learning_rate());
        training.optimizer.step(&mut training.model, gradients);
        training.step += 1;
        self.average.update(&training.model);
    }

    /// Returns the score of the present model on the validation text.
    fn score(&self) -> Score {
        let window = self.config.training.window;
        score(&self.training.model, &self.corpus.validation, &self.validation, window)
    }

    /// Measures the model on the validation text, and keeps it if it is the best.
    fn measure(
        &mut self,
        folder: &RunFolder,
        log: &mut Log,
        progress: &Progress,
        clock: &Clock,
    ) -> Result<(), Error> {
        let step = self.training.step;
        let Self { average, training, corpus, validation, config, .. } = self;
        let window = config.training.window;
        let (score, weights) = average.averaged(&mut training.model, |model| {
            (score(model, &corpus.validation, validation, window), Archive::of(model))
        });
        Divergence::check(step, score.nats, self.corpus.vocabulary.len())
            .map_err(|fault| self.diverged(fault, folder))?;
        let is_best = score.nats < self.best.nats;
        if is_best {
            self.best = Saved { step, nats: score.nats, weights, ..self.best.clone() };
        }
        progress.note(&format!("step {step}: validation {score}"));
        let before = self.training.learning_rate();
        self.training.observe(score.nats);
        let now = self.training.learning_rate();
        if now < before {
            log::info!("step {step}: the learning rate falls from {before} to {now}");
        }
        if self.average.observe(score.nats) {
            log::info!("step {step}: the average of the weights begins");
        }
        let event = Event::Validation {
            step: step as u64,
            nats: score.nats,
            best: is_best,
            seconds: clock.seconds(),
        };
        Ok(log.append(&event)?)
    }

    fn diverged(&self, fault: Divergence, folder: &RunFolder) -> Error {
        let best = folder.files().weights.clone();
        Error::Diverged { fault, best_step: self.best.step, best }
    }

    /// Returns the line of the log for the steps since the last one.
    fn line(&mut self, clock: &mut Clock) -> Event {
        let meter = std::mem::take(&mut self.meter);
        let Place { pass, start, .. } = self.place;
        Event::Step {
            step: self.training.step as u64,
            epoch: pass as f64 + start as f64 / self.batches.steps() as f64,
            nats: meter.nats(),
            learning_rate: self.training.optimizer.learning_rate(),
            gradient_norm: meter.norm(),
            tokens_per_second: clock.rate(),
            seconds: clock.seconds(),
        }
    }

    /// Saves the run and the best weights.
    fn save(&mut self, folder: &mut RunFolder, log: &Log) -> Result<(), Error> {
        let Place { pass, start, carried } = &self.place;
        let mut extra = Archive::new();
        extra.set_text(FINGERPRINT, self.corpus.fingerprint());
        extra.set_text(PASS, pass);
        extra.set_text(START, start);
        extra.insert_group(CARRIED, &carried.archive());
        extra.insert_group(AVERAGE, &self.average.archive());
        extra.set_text(METER, serde_json::to_string(&self.meter).expect("plain numbers"));
        self.training.extra = extra;
        self.training.best = Some(self.best.archive());
        Ok(folder.save(&mut self.training, log)?)
    }

    /// Takes over what the checkpoint holds besides the [`Training`].
    fn restore(&mut self, checkpoint: &Path) -> Result<(), Error> {
        let extra = &self.training.extra;
        if extra.parse::<u64>(FINGERPRINT)? != self.corpus.fingerprint() {
            return Err(Error::ChangedText);
        }
        let best = self.training.best.as_ref().ok_or(Error::Inconsistent)?;
        let best = Saved::of(best, checkpoint)?;
        expect_same_run(&best.config, &self.config)?; // the file config.toml may have been changed
        best.model()?; // a resumed run saves these weights again without using them
        let (pass, start) = (extra.parse(PASS)?, extra.parse(START)?);
        if start > self.batches.steps() || best.step > self.training.step {
            return Err(Error::Inconsistent);
        }
        let model = &self.training.model;
        let carried = Carried::restore(model, self.batches.batch(), &extra.group(CARRIED))?;
        self.average.restore(model, &extra.group(AVERAGE))?;
        self.meter = serde_json::from_str(extra.text(METER)?).map_err(|_| Error::Inconsistent)?;
        self.place = Place { pass, start, carried };
        self.best = Saved { config: self.config.clone(), ..best };
        Ok(())
    }

    /// Returns the number of steps done.
    #[must_use]
    pub fn steps_done(&self) -> usize {
        self.training.step
    }

    /// Returns the number of steps in all.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.plan.steps
    }

    /// Returns the present model.
    #[must_use]
    pub fn model(&self) -> &LanguageModel {
        &self.training.model
    }

    /// Returns the text.
    #[must_use]
    pub fn corpus(&self) -> &'c Corpus {
        self.corpus
    }

    /// Returns the best model so far.
    #[must_use]
    pub fn best(&self) -> &Saved {
        &self.best
    }
}

const FINGERPRINT: &str = "fingerprint";
const PASS: &str = "pass";
const START: &str = "start";
const CARRIED: &str = "carried";
const AVERAGE: &str = "average";
const METER: &str = "meter";
