//! The state that determines how a training run continues.

use bptt_autodiff::Gradients;
use bptt_tensor::Scalar;

use crate::core::module::Module;
use crate::core::random::Xoshiro256PlusPlus;
use crate::optim::{Optimizer, Plateau, Schedule};
use crate::weights::archive::Archive;
use crate::weights::error::WeightsError;

/// A model in training, with its optimizer, learning rate, step, random generator and the other state of the run.
///
/// A [`checkpoint`](Self::checkpoint) holds everything that changes during a run. It does not hold settings: the
/// program that resumes the run supplies hyperparameters, the form of the schedule, and the data. With the same
/// settings and data, a restored training continues as if it had never stopped, to the bit.
///
/// ```
/// # use bptt_autodiff::Tape;
/// # use bptt_layers::run::Training;
/// # use bptt_layers::{Linear, Plateau, Sgd, clip_norm};
/// # use bptt_tensor::Tensor;
/// let mut rng = bptt_layers::rng(0);
/// let model = Linear::<f64>::new(&mut rng, 2, 1);
/// let mut training = Training::new(model, Sgd::new(0.1), rng).schedule(Plateau::new(0.1));
///
/// let tape = Tape::new();
/// let inputs = tape.constant(Tensor::normal([4, 2], 0.0, 1.0, &mut training.rng));
/// let loss = training.model.forward(inputs).square().mean_all();
/// let mut gradients = tape.backward(loss);
/// clip_norm(&training.model, &mut gradients, 1.0)?;
/// training.update(&gradients);
/// training.observe(loss.item()); // for the plateau
/// assert_eq!(training.step, 1);
/// # Ok::<(), bptt_layers::NonFiniteGradient>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Training<T: Scalar, M, O> {
    /// The model.
    pub model: M,
    /// The optimizer.
    pub optimizer: O,
    /// How the learning rate changes.
    pub schedule: LearningRate,
    /// The number of updates made.
    pub step: usize,
    /// The random generator, for dropout, noise, sampling and shuffles.
    pub rng: Xoshiro256PlusPlus,
    /// The best weights so far, as [`Archive::of`] takes them from the model. The archive may also hold their loss as a
    /// text.
    pub best: Option<Archive<T>>,
    /// The other state of the run, such as the states carried from one window of text to the next.
    pub extra: Archive<T>,
}

/// How the learning rate of a [`Training`] changes.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum LearningRate {
    /// The optimizer's own learning rate, which the program may set.
    #[default]
    Optimizer,
    /// A learning rate that is a function of the step.
    Schedule(Schedule),
    /// A learning rate that falls when a loss no longer does.
    Plateau(Plateau),
}

impl<T: Scalar, M: Module<T>, O: Optimizer<T>> Training<T, M, O> {
    /// Returns a training before its first step, whose learning rate is that of the optimizer.
    #[must_use]
    pub fn new(model: M, optimizer: O, rng: Xoshiro256PlusPlus) -> Self {
        let (schedule, extra) = (LearningRate::default(), Archive::new());
        Self { model, optimizer, schedule, step: 0, rng, best: None, extra }
    }

    /// Sets the [`Schedule`] or [`Plateau`] that changes the learning rate.
    #[must_use]
    pub fn schedule(self, schedule: impl Into<LearningRate>) -> Self {
        Self { schedule: schedule.into(), ..self }
    }

    /// Makes a step: sets the learning rate, moves the parameters along their gradients, and counts the step. Drop the
    /// tape before the call, so that parameters change in place.
    ///
    /// # Panics
    ///
    /// As [`Optimizer::step`].
    #[track_caller]
    pub fn update(&mut self, gradients: &Gradients<T>) {
        self.optimizer.set_learning_rate(self.learning_rate());
        self.optimizer.step(&mut self.model, gradients);
        self.step += 1;
    }

    /// Returns the learning rate of the next step.
    #[must_use]
    pub fn learning_rate(&self) -> f64 {
        match &self.schedule {
            LearningRate::Optimizer => self.optimizer.learning_rate(),
            LearningRate::Schedule(schedule) => schedule.at(self.step),
            LearningRate::Plateau(plateau) => plateau.learning_rate(),
        }
    }

    /// Shows a loss to the [`Plateau`], if there is one. It is usually the loss of a validation.
    pub fn observe(&mut self, loss: f64) {
        if let LearningRate::Plateau(plateau) = &mut self.schedule {
            plateau.observe(loss);
        }
    }

    /// Returns everything that [`restore`](Self::restore) needs. The groups of tensors and texts are named after the
    /// fields.
    #[must_use]
    pub fn checkpoint(&self) -> Archive<T> {
        let mut checkpoint = Archive::new();
        checkpoint.insert_group(MODEL, &Archive::of(&self.model));
        checkpoint.insert_group(OPTIMIZER, &self.optimizer.state());
        if let LearningRate::Plateau(plateau) = &self.schedule {
            checkpoint.insert_group(SCHEDULE, &plateau.state());
        }
        checkpoint.set_text(STEP, self.step);
        checkpoint.set_rng(RNG, &self.rng);
        if let Some(best) = &self.best {
            checkpoint.insert_group(BEST, best);
        }
        checkpoint.insert_group(EXTRA, &self.extra);
        checkpoint
    }

    /// Returns the weights for use: the best, or else those of the model.
    pub(super) fn weights(&self) -> Archive<T> {
        self.best.clone().unwrap_or_else(|| Archive::of(&self.model))
    }

    /// Replaces everything that changes during a run by the contents of a [`checkpoint`](Self::checkpoint).
    ///
    /// # Errors
    ///
    /// If the checkpoint is of another model, of an optimizer with another state, or of a run with another kind of
    /// schedule. The training then stays as it was. The states of `Adam`, `NAdam` and `RAdam` fit each other.
    pub fn restore(&mut self, checkpoint: &Archive<T>) -> Result<(), WeightsError> {
        let has_group = |name: &str| GROUPS.iter().any(|group| is_within(group, name));
        checkpoint.expect_tensors(has_group)?;
        checkpoint.expect_texts(|name| has_group(name) || name == STEP || name == RNG)?;
        let step = checkpoint.parse(STEP)?;
        let rng = checkpoint.rng(RNG)?;
        let schedule = self.schedule.restored(&checkpoint.group(SCHEDULE))?;
        let before = Archive::of(&self.model);
        checkpoint.group(MODEL).assign_to(&mut self.model)?;
        if let Err(error) = self.optimizer.restore(&self.model, &checkpoint.group(OPTIMIZER)) {
            before.assign_to(&mut self.model).expect("these are its own weights");
            return Err(error);
        }
        let best = Some(checkpoint.group(BEST)).filter(|best| !best.is_empty());
        let extra = checkpoint.group(EXTRA);
        (self.schedule, self.step, self.rng, self.best, self.extra) =
            (schedule, step, rng, best, extra);
        Ok(())
    }
}

impl LearningRate {
    /// Returns this learning rate with the state from a checkpoint.
    fn restored<T: Scalar>(&self, state: &Archive<T>) -> Result<Self, WeightsError> {
        let mut schedule = self.clone();
        match &mut schedule {
            Self::Plateau(plateau) => plateau.restore(state)?,
            Self::Optimizer | Self::Schedule(_) => state.expect_texts(|_| false)?,
        }
        Ok(schedule)
    }
}

impl From<Schedule> for LearningRate {
    fn from(schedule: Schedule) -> Self {
        Self::Schedule(schedule)
    }
}

impl From<Plateau> for LearningRate {
    fn from(plateau: Plateau) -> Self {
        Self::Plateau(plateau)
    }
}

const MODEL: &str = "model";
const OPTIMIZER: &str = "optimizer";
const SCHEDULE: &str = "schedule";
const STEP: &str = "step";
const RNG: &str = "rng";
const BEST: &str = "best";
const EXTRA: &str = "extra";
const GROUPS: [&str; 5] = [MODEL, OPTIMIZER, SCHEDULE, BEST, EXTRA];

/// Returns whether an entry of a checkpoint is the group or within it. A model that is a single parameter has no name.
fn is_within(group: &str, name: &str) -> bool {
    name.strip_prefix(group).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
