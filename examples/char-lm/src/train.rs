//! Training by truncated back-propagation through time.

use std::num::NonZeroUsize;
use std::path::Path;

use bptt::analysis::record::{RecordError, Recorder};
use bptt::prelude::*;
use bptt::run::{Run, RunError, Training};
use bptt::weights::Archive;
use lm::text::{Corpus, Streams};
use lm::training::{Divergence, Ending};
use programs::terminal::{Progress, memory};

use crate::args::{Settings, TrainArgs};
use crate::commands::in_bits;
use crate::error::Error;
use crate::model::{CharModel, memory_of};
use crate::report;
use crate::snapshot::Snapshot;

/// A training run: one window of text is one step.
#[derive(Debug)]
pub(crate) struct Trainer<'c> {
    corpus: &'c Corpus,
    pub(crate) batches: Streams,
    pub(crate) validation: Streams,
    pub(crate) steps: usize,
    validate_every: usize,
    /// The model, the optimizer, the random generator, and the number of steps done.
    pub(crate) training: Training<f32, CharModel, Adam<f32>>,
    /// The state after the last window, from which the next one continues.
    carried: CarriedState<f32>,
    pub(crate) best: Snapshot,
    recorder: Option<Recorder>,
}

/// Why a step fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    #[error(transparent)]
    Diverged(#[from] Divergence),
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl<'c> Trainer<'c> {
    /// Returns a new run, with the score of its model before the first step.
    pub(crate) fn new(
        corpus: &'c Corpus,
        settings: &Settings,
        steps: usize,
        validate_every: usize,
    ) -> Result<Self, Error> {
        let &Settings { batch, window, learning_rate, .. } = settings;
        let batches = Streams::new(&corpus.train.tokens, batch, window)?;
        let validation = Streams::at_most(&corpus.validation.tokens, batch, window)?;
        let vocabulary = corpus.vocabulary.clone();
        memory::expect(memory_of(settings, vocabulary.len()))?;
        let mut rng = bptt::rng(settings.seed);
        let model = CharModel::new(settings, vocabulary.len(), &mut rng);
        let (nats, weights) = (model.score(&validation, window), Archive::of(&model));
        let best = Snapshot { settings: settings.clone(), vocabulary, step: 0, nats, weights };
        let training = Training::new(model, Adam::new(learning_rate), rng)
            .schedule(schedule(learning_rate, steps));
        let carried = training.model.start(batch);
        let recorder = None;
        Ok(Self {
            corpus,
            batches,
            validation,
            steps,
            validate_every,
            training,
            carried,
            best,
            recorder,
        })
    }

    /// Records the training in a folder, from the next step on.
    pub(crate) fn record(&mut self, folder: &Path, resume: bool) -> Result<(), RecordError> {
        self.recorder = Some(report::open(folder, self.training.step, resume)?);
        Ok(())
    }

    /// Returns the run that was saved in `checkpoint`. It goes on as if it had never stopped.
    pub(crate) fn resume(
        corpus: &'c Corpus,
        args: &TrainArgs,
        checkpoint: &Archive<f32>,
    ) -> Result<Self, Error> {
        let best = Snapshot::from_archive(&checkpoint.group("best"))?;
        let extra = checkpoint.group("extra");
        let is_same_text = extra.parse::<u64>("text")? == corpus.fingerprint();
        if !is_same_text || best.vocabulary != corpus.vocabulary {
            return Err(Error::ChangedText);
        }
        best.model()?; // a resumed run saves these weights again without using them
        let saved = |name| extra.parse(name).map(NonZeroUsize::get);
        let (steps, validate_every) = (saved("steps")?, saved("validate_every")?);
        let steps = args.steps.unwrap_or(steps);
        let validate_every = args.validate_every.unwrap_or(validate_every);
        let mut trainer = Self::new(corpus, &best.settings, steps, validate_every)?;
        trainer.training.restore(checkpoint)?;
        let mut values = Vec::new();
        for (place, start) in trainer.carried.values().unwrap_or_default().iter().enumerate() {
            values.push(extra.shaped(&format!("carried.{place}"), start.shape())?.clone());
        }
        if best.step > trainer.training.step || extra.names().count() != values.len() {
            return Err(Error::Inconsistent);
        }
        let carried = CarriedState::from_values(values);
        Ok(Self { best, carried, ..trainer })
    }

    /// Trains as [`until`](Self::until) does, and writes the report.
    pub(crate) fn run(
        &mut self,
        run: &mut Run,
        progress: &mut Progress,
        stop: impl FnMut() -> Option<Ending>,
    ) -> Result<Ending, Error> {
        let ending = self.until(run, progress, stop);
        let written =
            self.recorder.as_ref().map_or(Ok(()), |recorder| report::write(recorder, progress));
        let ending = ending?; // why the training failed is more than why its report did
        written?;
        Ok(ending)
    }

    /// Trains until all steps are done or `stop` returns another reason. Saves at the start, at every measurement and at
    /// the end. When the time is over, the model is measured once more and may then replace the best weights. The
    /// checkpoint does not have this measurement, so a resumed run does not depend on it.
    fn until(
        &mut self,
        run: &mut Run,
        progress: &mut Progress,
        mut stop: impl FnMut() -> Option<Ending>,
    ) -> Result<Ending, Error> {
        self.save(run)?;
        if let Some(kept) = run.kept() {
            progress.note(&format!("note: the earlier run is now {}", kept.best.display()));
        }
        while self.training.step < self.steps {
            if let Some(ending) = stop() {
                self.save(run)?;
                if ending == Ending::OutOfTime {
                    self.measure(run, progress)?;
                    run.save_weights(&self.best.archive())?;
                }
                return Ok(ending);
            }
            let (nats, characters) = self.step().map_err(|error| match error {
                StepError::Diverged(fault) => self.diverged(fault, run),
                StepError::Record(error) => error.into(),
            })?;
            progress.step(nats, characters);
            let step = self.training.step;
            if step.is_multiple_of(self.validate_every) || step == self.steps {
                self.measure(run, progress)?;
                self.save(run)?;
            }
        }
        Ok(Ending::Finished)
    }

    /// Trains on the next window, and returns its loss and the number of its characters.
    pub(crate) fn step(&mut self) -> Result<(f64, usize), StepError> {
        let learning_rate = self.training.learning_rate();
        let Training { model, rng, step, .. } = &mut self.training;
        let &Settings { window, clip, cell, .. } = &self.best.settings;
        let (batch, length) = (self.batches.batch(), self.batches.steps());
        let start = *step % length.div_ceil(window) * window;
        if start == 0 {
            self.carried = model.start(batch);
        }
        let window = self.batches.window(start, window.min(length - start));
        let step = *step + 1;

        let is_due = self.recorder.as_ref().is_some_and(|recorder| recorder.is_due(step));
        let tape = Tape::new();
        let probes = is_due.then(|| tape.probes());
        let costates = is_due.then(Costates::new);
        let (carried, costates) = (&mut self.carried, costates.as_ref());
        let logits = model.forward(&tape, &window.inputs, batch, carried, Some(rng), costates);
        let loss = loss::cross_entropy(logits, &window.targets).mean();
        let nats = f64::from(loss.item());
        let record = self.recorder.as_mut().map(|recorder| recorder.step(step, nats));
        let record = record.map(|record| record.learning_rate(learning_rate).probes(probes));
        if let Err(fault) = check(step, nats, &tape, self.corpus.vocabulary.len()) {
            record.map_or(Ok(()), |record| record.finish(model))?;
            return Err(fault.into());
        }

        let mut gradients = tape.backward(loss);
        let record = record.map(|record| match costates {
            Some(costates) => report::with_lags(record, logits, &window.targets, costates, cell),
            None => record,
        });
        drop(tape); // a tape would hold the parameters, so that they could not change in place
        let norm = clip_norm(model, &mut gradients, clip);
        let record = record.map(|record| {
            let norm = norm.as_ref().copied().unwrap_or(f64::NAN);
            record.gradient_norm(norm).gradients(model, &gradients)
        });
        let updated = norm.map(|_| self.training.update(&gradients));
        record.map_or(Ok(()), |record| record.finish(&self.training.model))?;
        updated.map_err(|fault| Divergence::Gradient { step, fault })?;
        Ok((nats, window.targets.len()))
    }

    /// Measures the model on the validation text, and keeps it if it is the best.
    fn measure(&mut self, run: &Run, progress: &Progress) -> Result<(), Error> {
        let Training { model, step, .. } = &self.training;
        let (step, nats) = (*step, model.score(&self.validation, self.best.settings.window));
        if let Some(recorder) = &mut self.recorder {
            recorder.validation(step, nats)?;
            recorder.report()?;
        }
        Divergence::check(step, nats, self.corpus.vocabulary.len())
            .map_err(|fault| self.diverged(fault, run))?;
        progress.note(&format!("step {step}: validation {}", in_bits(nats)));
        if nats < self.best.nats {
            self.best = Snapshot { step, nats, weights: Archive::of(model), ..self.best.clone() };
        }
        Ok(())
    }

    fn diverged(&self, fault: Divergence, run: &Run) -> Error {
        Error::Diverged { fault, best_step: self.best.step, best: run.files().best.clone() }
    }

    /// Saves the run and the best weights.
    fn save(&mut self, run: &mut Run) -> Result<(), RunError> {
        let mut extra = Archive::new();
        extra.set_text("steps", self.steps);
        extra.set_text("validate_every", self.validate_every);
        extra.set_text("text", self.corpus.fingerprint());
        for (place, value) in self.carried.values().unwrap_or_default().iter().enumerate() {
            extra.insert(format!("carried.{place}"), value.clone());
        }
        self.training.extra = extra;
        self.training.best = Some(self.best.archive());
        run.save(&self.training)
    }
}

/// Checks the loss of a step. If an operation of the tape is at fault, the error names it.
fn check(
    step: usize,
    nats: f64,
    tape: &Tape<f32>,
    vocabulary_size: usize,
) -> Result<(), Divergence> {
    if !nats.is_finite()
        && let Some(fault) = tape.first_non_finite()
    {
        return Err(Divergence::Value { step, fault: fault.into() });
    }
    Divergence::check(step, nats, vocabulary_size)
}

/// Returns the schedule of the learning rate over so many steps. It rises linearly to `peak` over the first twentieth
/// of the steps, and then falls along half a cosine to a tenth of it.
pub(crate) fn schedule(peak: f64, steps: usize) -> Schedule {
    let warm_up = (0.05 * steps as f64) as usize;
    Schedule::cosine(peak, steps - warm_up, 0.1 * peak).warm_up(warm_up)
}
