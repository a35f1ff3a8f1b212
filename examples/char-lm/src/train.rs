//! Training by truncated back-propagation through time.

use bptt::autodiff::NonFinite;
use bptt::prelude::*;
use bptt::run::{Run, RunError, Training};
use bptt::weights::Archive;

use crate::batches::Batches;
use crate::checkpoint::{Checkpoint, Snapshot};
use crate::corpus::Corpus;
use crate::error::Error;
use crate::memory;
use crate::model::{CharModel, Masks};
use crate::progress::Progress;
use crate::settings::Plan;

/// The share of steps over which the learning rate rises.
const WARM_UP: f64 = 0.05;

/// The final learning rate, as a share of the highest.
const FINAL_RATE: f64 = 0.1;

/// A run has diverged if its loss is above this many times that of guessing. The loss need not become infinite, since
/// gates bound the outputs for weights of any size.
const DIVERGED: f64 = 10.0;

/// A training run: one window of text is one step.
#[derive(Debug)]
pub struct Trainer<'a> {
    corpus: &'a Corpus,
    /// [`Corpus::fingerprint`].
    text: u64,
    plan: Plan,
    batches: Batches<'a>,
    validation: Batches<'a>,
    training: Training<f32, CharModel, Adam<f32>>,
    /// The state after the last window, from which the next one continues.
    carried: Vec<Tensor<f32>>,
    best: Snapshot,
}

/// How a training run diverged.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Divergence {
    /// An operation of the model computed a NaN or an infinity.
    #[error("step {step}: {fault}")]
    Value {
        /// The step, counted from 1.
        step: usize,
        /// The operation.
        fault: Box<NonFinite>,
    },
    /// A gradient has a NaN or an infinity.
    #[error("step {step}: the gradient of `{}` is not finite", .fault.parameter)]
    Gradient {
        /// The step, counted from 1.
        step: usize,
        /// The gradient.
        fault: NonFiniteGradient,
    },
    /// The model predicts far worse than guessing.
    #[error("step {step}: a loss of {loss} nats, where guessing has {guessing:.2}")]
    Loss {
        /// The step, counted from 1.
        step: usize,
        /// The loss of the window, or of the validation text after the step.
        loss: f64,
        /// The loss of the uniform distribution.
        guessing: f64,
    },
}

/// The reason why [`Trainer::run`] came to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All steps are done.
    Finished,
    /// The time is over.
    OutOfTime,
    /// The user wants the run to stop.
    Interrupted,
}

impl<'a> Trainer<'a> {
    /// Returns a new run, with the score of its model before the first step.
    ///
    /// # Errors
    ///
    /// If the text is too short, or if there is too little memory.
    pub fn new(corpus: &'a Corpus, plan: Plan) -> Result<Self, Error> {
        let (batches, validation) = texts(corpus, &plan)?;
        let mut rng = bptt::rng(plan.settings.seed);
        let model = CharModel::new(&plan.settings, corpus.vocabulary.len(), &mut rng);
        let best = Snapshot {
            settings: plan.settings.clone(),
            vocabulary: corpus.vocabulary.clone(),
            step: 0,
            score: model.score(&validation),
            weights: Archive::of(&model),
        };
        Ok(Self {
            carried: model.zero_state(batches.batch()),
            training: training(model, rng, &plan),
            text: corpus.fingerprint(),
            corpus,
            plan,
            batches,
            validation,
            best,
        })
    }

    /// Returns the run that was saved in `checkpoint`. With the checkpoint's own `plan`, it goes on as if it had never
    /// stopped. With another number of steps, the learning rate goes on as the new schedule has it at the step reached.
    ///
    /// # Errors
    ///
    /// If the checkpoint is not from this program, if its parts do not belong to one run, or if the text is not that
    /// of the run.
    pub fn resume(corpus: &'a Corpus, plan: Plan, checkpoint: Checkpoint) -> Result<Self, Error> {
        let text = corpus.fingerprint();
        if checkpoint.text != text {
            return Err(Error::ChangedText);
        }
        let (batches, validation) = texts(corpus, &plan)?;
        let characters = corpus.vocabulary.len();
        let weights = checkpoint.archive.group("model");
        let model = CharModel::with_weights(&plan.settings, characters, &weights)?;
        checkpoint.expect_consistent(corpus, &model)?;
        let of_batch = |state: &Tensor<f32>| [batches.batch(), state.shape()[1]].into();
        let shapes: Vec<_> = model.zero_state(1).iter().map(of_batch).collect();
        let carried = checkpoint.carried(&shapes)?;
        let mut training = training(model, bptt::rng(plan.settings.seed), &plan);
        training.restore(&checkpoint.archive)?;
        Ok(Self {
            carried,
            text,
            best: checkpoint.best,
            corpus,
            plan,
            batches,
            validation,
            training,
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
        run: &mut Run,
        progress: &mut Progress,
        mut stop: impl FnMut() -> Option<Ending>,
    ) -> Result<Ending, Error> {
        self.save(run)?;
        if let Some(kept) = run.kept() {
            progress.note(&format!("note: the earlier run is now {}", kept.best.display()));
        }
        while self.training.step < self.plan.steps {
            if let Some(ending) = stop() {
                self.save(run)?;
                if ending == Ending::OutOfTime {
                    // Not in the checkpoint: a run that never stops does not measure here.
                    self.measure(run, progress)?;
                    run.save_weights(&self.best.archive())?;
                }
                return Ok(ending);
            }
            let (loss, characters) = self.step().map_err(|fault| self.diverged(fault, run))?;
            progress.step(loss, characters);
            let step = self.training.step;
            if step.is_multiple_of(self.plan.validate_every) || step == self.plan.steps {
                self.measure(run, progress)?;
                self.save(run)?;
            }
        }
        Ok(Ending::Finished)
    }

    /// Trains on the next window, and returns its loss and the number of its characters.
    fn step(&mut self) -> Result<(f64, usize), Divergence> {
        let settings = &self.plan.settings;
        let index = self.training.step % self.batches.windows_per_pass();
        if index == 0 {
            self.carried = self.training.model.zero_state(self.batches.batch());
        }
        let window = self.batches.window(index);
        let number = self.training.step + 1;

        let Training { model, rng, .. } = &mut self.training;
        let mut masks = Masks::new(settings.dropout, rng);
        let tape = Tape::new();
        let logits = model.forward(&tape, &window.inputs, &mut self.carried, &mut masks);
        let loss = loss::cross_entropy(logits, &window.targets).mean();
        let nats = f64::from(loss.item());
        if !nats.is_finite()
            && let Some(fault) = tape.first_non_finite()
        {
            return Err(Divergence::Value { step: number, fault: fault.into() });
        }
        self.check(number, nats)?;

        let mut gradients = tape.backward(loss);
        drop(tape); // a tape would hold the parameters, so that they could not change in place
        clip_norm(&self.training.model, &mut gradients, settings.clip)
            .map_err(|fault| Divergence::Gradient { step: number, fault })?;
        self.training.update(&gradients);
        Ok((nats, window.targets.len()))
    }

    /// Measures the model on the validation text, and keeps it if it is the best.
    fn measure(&mut self, run: &Run, progress: &Progress) -> Result<(), Error> {
        let step = self.training.step;
        let score = self.training.model.score(&self.validation);
        self.check(step, score.0).map_err(|fault| self.diverged(fault, run))?;
        progress.note(&format!("step {step}: validation {score}"));
        if score < self.best.score {
            let weights = Archive::of(&self.training.model);
            self.best = Snapshot { step, score, weights, ..self.best.clone() };
        }
        Ok(())
    }

    /// Refuses a loss that is negative, not a number, or far above that of guessing.
    fn check(&self, step: usize, loss: f64) -> Result<(), Divergence> {
        let guessing = (self.corpus.vocabulary.len() as f64).ln();
        if (0.0..=DIVERGED * guessing.max(1.0)).contains(&loss) {
            Ok(())
        } else {
            Err(Divergence::Loss { step, loss, guessing })
        }
    }

    fn diverged(&self, fault: Divergence, run: &Run) -> Error {
        Error::Diverged { fault, best_step: self.best.step, best: run.files().best.clone() }
    }

    /// Saves the run and the best weights.
    fn save(&mut self, run: &mut Run) -> Result<(), RunError> {
        self.training.best = Some(self.best.archive());
        self.training.extra = Checkpoint::extra(&self.plan, self.text, &self.carried);
        run.save(&self.training)
    }

    /// Returns the plan of the run.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns the number of steps done.
    #[must_use]
    pub fn steps_done(&self) -> usize {
        self.training.step
    }

    /// Returns the present model.
    #[must_use]
    pub fn model(&self) -> &CharModel {
        &self.training.model
    }

    /// Returns the best model so far.
    #[must_use]
    pub fn best(&self) -> &Snapshot {
        &self.best
    }

    /// Returns the text on which the run is validated.
    #[must_use]
    pub fn validation(&self) -> &Batches<'a> {
        &self.validation
    }
}

/// Returns the windows for training and for validation, if there is enough memory.
fn texts<'a>(corpus: &'a Corpus, plan: &Plan) -> Result<(Batches<'a>, Batches<'a>), Error> {
    let (batch, window) = (plan.settings.batch, plan.settings.window);
    let learnt = Batches::new(&corpus.train, batch, window)?;
    let predicted = Batches::at_most(&corpus.validation, batch, window)?;
    let positions = batch as f64 * window as f64;
    memory::expect(memory::needed(&plan.settings, corpus.vocabulary.len(), positions, true))?;
    Ok((learnt, predicted))
}

/// Returns a training before its first step.
fn training(
    model: CharModel,
    rng: Xoshiro256PlusPlus,
    plan: &Plan,
) -> Training<f32, CharModel, Adam<f32>> {
    let rate = plan.settings.learning_rate;
    Training::new(model, Adam::new(rate), rng).schedule(schedule(rate, plan.steps))
}

/// Returns the schedule of the learning rate over so many steps. It rises linearly to `peak` over the first twentieth
/// of the steps, and then falls along half a cosine to a tenth of it.
fn schedule(peak: f64, steps: usize) -> Schedule {
    let warm_up = (WARM_UP * steps as f64) as usize;
    Schedule::cosine(peak, steps - warm_up, FINAL_RATE * peak).warm_up(warm_up)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command};
    use crate::corpus::Document;

    /// With constant weights, the losses show with which state each window began.
    #[test]
    fn the_state_is_carried_within_a_pass_and_reset_before_the_next() {
        let text = "abcdefgh".repeat(8);
        let corpus = Corpus::new(&[Document { path: PathBuf::from("text"), text }]);
        let flags = "char-lm --hidden 4 --batch 2 --window 14 --learning-rate 1e-30";
        let Command::Train(args) = Cli::parse_from(flags.split(' ')).into_command() else {
            panic!("training is the default")
        };
        let mut trainer = Trainer::new(&corpus, args.plan()).expect("enough text");
        assert_eq!(trainer.batches.windows_per_pass(), 2);
        let mut step = || trainer.step().expect("no divergence").0;
        let losses = [step(), step(), step(), step()];
        assert_eq!(losses[..2], losses[2..], "every pass is the same");

        let model = &trainer.training.model;
        let mut fresh = model.zero_state(2);
        let tape = Tape::new();
        let second = trainer.batches.window(1);
        let logits = model.forward(&tape, &second.inputs, &mut fresh, &mut Masks::none());
        let without = loss::cross_entropy(logits, &second.targets).mean().item();
        assert_ne!(losses[1], f64::from(without), "the second window continues the first");
    }

    #[test]
    fn the_learning_rate_rises_and_falls() {
        let rates: Vec<_> = (0..1000).map(|step| schedule(0.01, 1000).at(step)).collect();
        assert!(rates[..=50].is_sorted_by(|a, b| a < b));
        assert_eq!(rates[50], 0.01);
        assert!(rates[50..].is_sorted_by(|a, b| a > b));
        assert!((rates[525] - 0.0055).abs() < 1e-8, "half way between peak and end");
        assert!((rates[999] - 0.001).abs() < 1e-6);
        assert_eq!(schedule(0.01, 1).at(0), 0.01, "a single step is not all rise");
    }
}
