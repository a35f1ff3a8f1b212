use bptt_tensor::Scalar;

use super::hyperparameters::{learning_rate, non_negative, within};
use crate::weights::archive::Archive;
use crate::weights::error::WeightsError;

/// A learning rate that falls when the loss has stopped falling.
///
/// ```text
/// improved:  loss < best − threshold · |best|, and best ← loss
/// after more than `patience` losses in a row that did not improve:
///     η ← max(factor · η, minimum)
/// and the next `cooldown` losses do not count
/// ```
///
/// Its state can be saved beside that of the optimizer:
///
/// ```
/// use bptt_layers::weights::{Archive, WeightsError};
/// use bptt_layers::{Adam, Optimizer, Plateau};
///
/// # fn main() -> Result<(), WeightsError> {
/// let mut plateau = Plateau::new(1e-3).factor(0.5).patience(1);
/// let mut optimizer = Adam::<f32>::new(plateau.learning_rate());
/// for validation_loss in [2.0, 1.5, 1.6, 1.5] {
///     optimizer.set_learning_rate(plateau.observe(validation_loss));
/// }
/// assert_eq!(optimizer.learning_rate(), 5e-4);
///
/// let mut checkpoint = Archive::<f32>::new();
/// checkpoint.insert_group("plateau", &plateau.state());
///
/// plateau.restore(&checkpoint.group("plateau"))?;
/// optimizer.set_learning_rate(plateau.learning_rate());
/// # Ok(())
/// # }
/// ```
///
/// The conventions are those of PyTorch's `ReduceLROnPlateau`, with one exception: if the best loss is below 0, the
/// threshold lies below it, so that an improvement is a lower loss there, too.
#[derive(Clone, Debug)]
pub struct Plateau {
    factor: f64,
    patience: usize,
    threshold: f64,
    cooldown: usize,
    minimum: f64,
    memory: Memory,
}

#[derive(Clone, Copy, Debug)]
struct Memory {
    learning_rate: f64,
    best: f64,
    /// The number of losses since the best one, or since the learning rate fell.
    waited: usize,
    /// The number of losses that will not count.
    cooling: usize,
}

impl Plateau {
    /// Creates a learning rate that falls to a tenth after more than 10 losses without an improvement of a
    /// ten-thousandth. It has neither cooldown nor minimum.
    ///
    /// # Panics
    ///
    /// If the learning rate is negative or not finite.
    #[track_caller]
    #[must_use]
    pub fn new(learning_rate: f64) -> Self {
        let learning_rate = self::learning_rate(learning_rate);
        Self {
            factor: 0.1,
            patience: 10,
            threshold: 1e-4,
            cooldown: 0,
            minimum: 0.0,
            memory: Memory { learning_rate, best: f64::INFINITY, waited: 0, cooling: 0 },
        }
    }

    /// Sets the factor by which the learning rate falls.
    ///
    /// # Panics
    ///
    /// If it is not in `0..1`.
    #[track_caller]
    #[must_use]
    pub fn factor(self, factor: f64) -> Self {
        Self { factor: within("factor", 0.0..1.0, factor), ..self }
    }

    /// Sets the number of losses in a row that may fail to improve.
    #[must_use]
    pub fn patience(self, losses: usize) -> Self {
        Self { patience: losses, ..self }
    }

    /// Sets the relative improvement: the share of the best loss by which a loss must be lower to count as better.
    ///
    /// # Panics
    ///
    /// If it is not in `0..1`.
    #[track_caller]
    #[must_use]
    pub fn threshold(self, threshold: f64) -> Self {
        Self { threshold: within("threshold", 0.0..1.0, threshold), ..self }
    }

    /// Sets the number of losses after a fall of the learning rate that do not count towards the patience. One of them
    /// can still become the best loss.
    #[must_use]
    pub fn cooldown(self, losses: usize) -> Self {
        Self { cooldown: losses, ..self }
    }

    /// Sets the minimum of the learning rate.
    ///
    /// # Panics
    ///
    /// If it is negative or not finite.
    #[track_caller]
    #[must_use]
    pub fn minimum(self, minimum: f64) -> Self {
        Self { minimum: non_negative("minimum of the learning rate", minimum), ..self }
    }

    /// Returns the learning rate.
    #[must_use]
    pub fn learning_rate(&self) -> f64 {
        self.memory.learning_rate
    }

    /// Observes a loss, and returns the next learning rate. A NaN is no improvement.
    pub fn observe(&mut self, loss: f64) -> f64 {
        let memory = &mut self.memory;
        // a product, so that the threshold is infinite for the first loss
        if loss < memory.best * (1.0 - self.threshold.copysign(memory.best)) {
            memory.best = loss;
            memory.waited = 0;
        } else {
            memory.waited = memory.waited.saturating_add(1); // it may have come from a file
        }
        if memory.cooling > 0 {
            memory.cooling -= 1;
            memory.waited = 0;
        }
        if memory.waited > self.patience {
            let lower = (self.factor * memory.learning_rate).max(self.minimum);
            memory.learning_rate = memory.learning_rate.min(lower); // it may be below the minimum
            memory.cooling = self.cooldown;
            memory.waited = 0;
        }
        memory.learning_rate
    }

    /// Returns the state: the best loss, the counters and the learning rate, without the settings.
    #[must_use]
    pub fn state<T: Scalar>(&self) -> Archive<T> {
        let Memory { learning_rate, best, waited, cooling } = self.memory;
        let mut state = Archive::new();
        state.set_text("learning_rate", learning_rate);
        state.set_text("best", best);
        state.set_text("waited", waited);
        state.set_text("cooling", cooling);
        state
    }

    /// Replaces the state by one that [`state`](Self::state) returned.
    ///
    /// # Errors
    ///
    /// If it is not the state of a plateau. The present state then remains.
    pub fn restore<T: Scalar>(&mut self, state: &Archive<T>) -> Result<(), WeightsError> {
        let is_rate = |&rate: &f64| rate >= 0.0 && rate.is_finite();
        let memory = Memory {
            learning_rate: state.parse_if("learning_rate", is_rate)?,
            best: state.parse_if("best", |best: &f64| !best.is_nan())?,
            waited: state.parse("waited")?,
            cooling: state.parse("cooling")?,
        };
        state.expect_tensors(|_| false)?;
        let own = self.state::<T>();
        state.expect_texts(|name| own.has_text(name))?;
        self.memory = memory;
        Ok(())
    }
}
