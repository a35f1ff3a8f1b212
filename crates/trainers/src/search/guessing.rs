use bptt_layers::weights::{Archive, WeightsError};
use bptt_layers::{Module, Xoshiro256PlusPlus, rng};
use bptt_tensor::Scalar;

use super::{draw_signed, is_less};
use crate::error::TrainError;
use crate::evaluation::Trials;
use crate::objective::ObjectiveFn;
use crate::options::positive;
use crate::trainer::{Progress, Trainer};

/// Random weight guessing: parameters are drawn again and again, and the best are kept.
///
/// ```text
/// θ' ~ U(−a, a)      independently for each parameter
/// θ ← θ'             if f(θ') < f(θ)
/// ```
///
/// A problem that guessing solves says little about the methods that are tested on it. So guessing is a measure of
/// benchmarks with long time lags, not a method for practice. Hochreiter and Schmidhuber, *LSTM can solve hard long
/// time lag problems* (1997); Schmidhuber, Hochreiter and Bengio, *Evaluating benchmark problems by random guessing*
/// (2001). They guess until all training sequences are classified rightly. Here, the loss decides, and the caller ends
/// the search.
///
/// A step evaluates the loss at the present parameters, since the data may have changed, and at each guess. The model
/// always holds the best parameters. A loss that is not finite is worse than all that are.
///
/// ```
/// use bptt_layers::{Linear, Module};
/// use bptt_tensor::Tensor;
/// use bptt_trainers::{Objective, RandomGuessing, Trainer};
///
/// let mut rng = bptt_layers::rng(0);
/// let mut model = (Linear::<f64>::new(&mut rng, 2, 2), Linear::new(&mut rng, 2, 1));
/// let xs = Tensor::from_vec([4, 2], vec![-1.0, -1.0, -1.0, 1.0, 1.0, -1.0, 1.0, 1.0]);
/// let xor = Tensor::from_vec([4, 1], vec![-1.0, 1.0, 1.0, -1.0]);
/// let mut trainer = RandomGuessing::new();
/// let mut loss = f64::INFINITY;
/// for _ in 0..1000 {
///     let progress = trainer.step(&mut model, &|model, tape| {
///         let hidden = model.0.forward(tape.constant(xs.clone())).tanh();
///         Objective::squares(model.1.forward(hidden).tanh() - &xor)
///     })?;
///     assert!(progress.loss <= loss);
///     loss = progress.loss;
/// }
/// assert!(loss < 0.01, "{loss}");
/// # Ok::<(), bptt_trainers::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RandomGuessing {
    range: f64,
    guesses: usize,
    rng: Xoshiro256PlusPlus,
}

impl RandomGuessing {
    /// Creates a trainer with the range `a = 100` of the paper of 2001, one guess a step, and the seed 0.
    #[must_use]
    pub fn new() -> Self {
        Self { range: 100.0, guesses: 1, rng: rng(0) }
    }

    /// Sets the greatest magnitude `a` of a guessed parameter.
    ///
    /// # Panics
    ///
    /// If it is not positive and finite.
    #[track_caller]
    #[must_use]
    pub fn range(self, range: f64) -> Self {
        Self { range: positive("range", range), ..self }
    }

    /// Sets the number of guesses in a step. With many, few passes are spent on the present parameters.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[track_caller]
    #[must_use]
    pub fn guesses(self, guesses: usize) -> Self {
        assert!(guesses > 0, "a step makes at least one guess");
        Self { guesses, ..self }
    }

    /// Sets the seed of the guesses.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { rng: rng(seed), ..self }
    }
}

impl Default for RandomGuessing {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar, M: Module<T>> Trainer<T, M> for RandomGuessing {
    #[track_caller]
    fn step(
        &mut self,
        model: &mut M,
        objective: &ObjectiveFn<'_, T, M>,
    ) -> Result<Progress, TrainError> {
        let mut trials = Trials::new(model, objective);
        let mut best = trials.start().clone();
        if best.is_empty() {
            return Err(TrainError::NoParameters);
        }
        let loss = trials.loss_at(&best);
        let mut best_loss = loss;
        for _ in 0..self.guesses {
            let guess = best.map(|_| self.range * draw_signed(&mut self.rng));
            let reached = trials.loss_at(&guess);
            if is_less(reached, best_loss) {
                (best, best_loss) = (guess, reached);
            }
        }
        let passes = trials.count;
        trials.keep(&best);
        Ok(Progress { loss, loss_after: Some(best_loss), passes })
    }

    fn state(&self, _model: &M) -> Archive<T> {
        let mut state = Archive::new();
        state.set_rng(RNG, &self.rng);
        state
    }

    fn restore(&mut self, _model: &M, state: &Archive<T>) -> Result<(), WeightsError> {
        let rng = state.rng(RNG)?;
        state.expect_tensors(|_| false)?;
        state.expect_texts(|name| name == RNG)?;
        self.rng = rng;
        Ok(())
    }
}

const RNG: &str = "rng";
