use bptt_layers::weights::{Archive, WeightsError};
use bptt_layers::{Module, Xoshiro256PlusPlus, rng};
use bptt_tensor::Scalar;

use super::{draw_signed, is_less};
use crate::error::TrainError;
use crate::evaluation::Trials;
use crate::objective::ObjectiveFn;
use crate::options::positive;
use crate::trainer::{Progress, Trainer};

/// Multi-grid random search: random points in a hypercube around the best parameters, which shrinks when they bring
/// nothing.
///
/// ```text
/// θ' = θ + s u      u ~ U(−1, 1), independently for each parameter
/// θ ← θ'            if f(θ') < f(θ): the step ends
/// s ← κ s           if N points in a row are no better: the step ends
/// ```
///
/// Only points that reduce the loss are accepted, so the search suits plateaus better than deep local minima. It leaves
/// a local minimum as long as the hypercube reaches beyond it.
///
/// Bengio, Simard and Frasconi, *Learning long-term dependencies with gradient descent is difficult* (1994), compare
/// gradient descent with a method of this name. This one is not a reproduction of theirs. Here the hypercube keeps its size
/// when a better point is found, and shrinks when `N` points in a row are no better.
///
/// A step evaluates the loss at the present parameters, since the data may have changed, and at up to `N` points. The
/// model always holds the best parameters. A loss that is not finite is worse than all that are. The search
/// never ends by itself: once the [size](Self::present_size) is below the precision that the parameters need, further
/// steps are of no use.
///
/// ```
/// use bptt_autodiff::Param;
/// use bptt_tensor::Tensor;
/// use bptt_trainers::{MultiGridSearch, Objective, Trainer};
///
/// // (w² − 1)² + w / 4 has a local minimum near 1, and its least one near −1
/// let mut w = Param::new(Tensor::from([1.0, 1.0]));
/// let mut trainer = MultiGridSearch::new().tries(20);
/// let mut loss = f64::INFINITY;
/// for _ in 0..200 {
///     let progress = trainer.step(&mut w, &|w: &Param<f64>, tape| {
///         let w = tape.param(w);
///         Objective::loss(((w.square() - 1.0).square() + w * 0.25).sum_all())
///     })?;
///     assert!(progress.loss <= loss);
///     loss = progress.loss;
/// }
/// assert!(trainer.present_size() < 1e-4);
/// assert!(w.value().iter().all(|w| (w - -1.03).abs() < 0.01), "{w:?}");
/// # Ok::<(), bptt_trainers::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct MultiGridSearch {
    size: f64,
    shrinking: f64,
    tries: usize,
    rng: Xoshiro256PlusPlus,
}

impl MultiGridSearch {
    /// Creates a trainer with `s = 10` at first, `κ = 0.5`, `N = 100`, and the seed 0.
    #[must_use]
    pub fn new() -> Self {
        Self { size: 10.0, shrinking: 0.5, tries: 100, rng: rng(0) }
    }

    /// Sets the size `s` of the hypercube, half the length of its edges, for the next step. Steps shrink it.
    ///
    /// # Panics
    ///
    /// If it is not positive and finite.
    #[track_caller]
    #[must_use]
    pub fn size(self, size: f64) -> Self {
        Self { size: positive("size", size), ..self }
    }

    /// Sets the factor `κ` by which the hypercube shrinks.
    ///
    /// # Panics
    ///
    /// If it is not between 0 and 1.
    #[track_caller]
    #[must_use]
    pub fn shrinking(self, shrinking: f64) -> Self {
        assert!(
            shrinking > 0.0 && shrinking < 1.0,
            "a shrinking is greater than 0 and less than 1, not {shrinking}"
        );
        Self { shrinking, ..self }
    }

    /// Sets the number `N` of points after which the hypercube shrinks, if none is better.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[track_caller]
    #[must_use]
    pub fn tries(self, tries: usize) -> Self {
        assert!(tries > 0, "a step tries at least one point");
        Self { tries, ..self }
    }

    /// Sets the seed of the points.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { rng: rng(seed), ..self }
    }

    /// Returns the size `s` of the hypercube in the next step.
    #[must_use]
    pub fn present_size(&self) -> f64 {
        self.size
    }
}

impl Default for MultiGridSearch {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar, M: Module<T>> Trainer<T, M> for MultiGridSearch {
    #[track_caller]
    fn step(
        &mut self,
        model: &mut M,
        objective: &ObjectiveFn<'_, T, M>,
    ) -> Result<Progress, TrainError> {
        let mut trials = Trials::new(model, objective);
        let centre = trials.start().clone();
        if centre.is_empty() {
            return Err(TrainError::NoParameters);
        }
        let loss = trials.loss_at(&centre);
        for _ in 0..self.tries {
            let point = centre.map(|x| x + self.size * draw_signed(&mut self.rng));
            let reached = trials.loss_at(&point);
            if is_less(reached, loss) {
                let passes = trials.count;
                trials.keep(&point);
                return Ok(Progress { loss, loss_after: Some(reached), passes });
            }
        }
        self.size *= self.shrinking;
        Ok(Progress { loss, loss_after: Some(loss), passes: trials.count })
    }

    fn state(&self, _model: &M) -> Archive<T> {
        let mut state = Archive::new();
        state.set_text(SIZE, self.size);
        state.set_rng(RNG, &self.rng);
        state
    }

    fn restore(&mut self, _model: &M, state: &Archive<T>) -> Result<(), WeightsError> {
        let size = state.parse_if(SIZE, |&size: &f64| size >= 0.0 && size.is_finite())?;
        let rng = state.rng(RNG)?;
        state.expect_tensors(|_| false)?;
        state.expect_texts(|name| name == SIZE || name == RNG)?;
        (self.size, self.rng) = (size, rng);
        Ok(())
    }
}

const SIZE: &str = "size";
const RNG: &str = "rng";
