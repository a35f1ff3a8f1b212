use bptt_layers::weights::{Archive, WeightsError};
use bptt_layers::{Module, Xoshiro256PlusPlus, rng};
use bptt_tensor::{Scalar, Tensor};

use super::chain::{Chain, MOST_CYCLES, Point};
use crate::error::TrainError;
use crate::evaluation::{Trials, finite_loss_of};
use crate::objective::ObjectiveFn;
use crate::options::{positive, share};
use crate::trainer::{Progress, Trainer};
use crate::vector::parameters_to_vector;

/// Simulated annealing of continuous parameters: random moves along one coordinate after another, which are accepted
/// by the rule of Metropolis at a temperature that falls.
///
/// ```text
/// θ' = θ + r vₕ eₕ          r ~ U(−1, 1), for each coordinate h in turn
/// θ ← θ'                    with probability min(1, exp(−(f(θ') − f(θ)) / T))
/// vₕ ← vₕ (1 + 2 (a − 0.6) / 0.4)       if a share a > 0.6 of the moves along h was accepted
/// vₕ ← vₕ / (1 + 2 (0.4 − a) / 0.4)     if a < 0.4
/// T ← r_T T, θ ← the best   after N_T adjustments of v
/// ```
///
/// The step vector `v` is adjusted every `N_S` cycles over all coordinates, so that about half of the moves are
/// accepted. At a fixed temperature, the chain samples `exp(−f / T)`.
///
/// Corana, Marchesi, Martini and Ridella, *Minimizing multimodal functions of continuous variables with the
/// "simulated annealing" algorithm* (1987). Bengio, Simard and Frasconi (1994) train recurrent networks with it. A move
/// out of the range is refused here, and drawn again in the paper.
///
/// A step is one cycle: a pass for each parameter, and one each for the losses at the present and the best parameters,
/// since the data may have changed. So this is for models of few parameters. Between steps the model holds the present
/// point of the chain, not the best one, which [`best`](Self::best) returns. Moves to a loss that is not finite are
/// refused.
///
/// ```
/// use bptt_autodiff::Param;
/// use bptt_tensor::Tensor;
/// use bptt_trainers::{Objective, SimulatedAnnealing, Trainer, vector_to_parameters};
///
/// // (w² − 1)² + w / 4 has a local minimum near 1, and its least one near −1
/// let mut w = Param::new(Tensor::from([1.0]));
/// let mut trainer = SimulatedAnnealing::new().cycles(5).adjustments(4).cooling(0.5);
/// for _ in 0..17 * 20 {
///     // the temperature falls every 20 steps
///     trainer.step(&mut w, &|w: &Param<f64>, tape| {
///         let w = tape.param(w);
///         Objective::loss(((w.square() - 1.0).square() + w * 0.25).sum_all())
///     })?;
/// }
/// assert!(trainer.present_temperature() < 1e-5);
/// vector_to_parameters(trainer.best().expect("there were steps"), &mut w);
/// assert!((w.value().item() - -1.03).abs() < 0.01, "{w:?}");
/// # Ok::<(), bptt_trainers::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SimulatedAnnealing<T: Scalar> {
    temperature: f64,
    cooling: f64,
    cycles: usize,
    adjustments: Option<usize>,
    first_move: f64,
    range: f64,
    chain: Option<Chain<T>>,
    rng: Xoshiro256PlusPlus,
}

impl<T: Scalar> SimulatedAnnealing<T> {
    /// Creates a trainer with `T = 1` and all `vₕ = 1` at first, a range of 100, the seed 0, and the paper's
    /// `r_T = 0.85`, `N_S = 20` and `N_T = max(100, 5 P)` for `P` parameters.
    #[must_use]
    pub fn new() -> Self {
        Self {
            temperature: 1.0,
            cooling: 0.85,
            cycles: 20,
            adjustments: None,
            first_move: 1.0,
            range: 100.0,
            chain: None,
            rng: rng(0),
        }
    }

    /// Sets the temperature `T` of the next step, in units of the loss. Steps reduce it. At first it should be
    /// about as large as differences of the loss between local minima.
    ///
    /// # Panics
    ///
    /// If it is not positive and finite.
    #[track_caller]
    #[must_use]
    pub fn temperature(self, temperature: f64) -> Self {
        Self { temperature: positive("temperature", temperature), ..self }
    }

    /// Sets the factor `r_T` by which the temperature falls.
    ///
    /// # Panics
    ///
    /// If it is not in `0..1`.
    #[track_caller]
    #[must_use]
    pub fn cooling(self, cooling: f64) -> Self {
        Self { cooling: share("cooling", cooling), ..self }
    }

    /// Sets the number `N_S` of cycles after which the step vector is adjusted.
    ///
    /// # Panics
    ///
    /// If it is 0, or more than 2²⁴, to which single precision counts.
    #[track_caller]
    #[must_use]
    pub fn cycles(self, cycles: usize) -> Self {
        assert!(
            (1..=MOST_CYCLES).contains(&cycles),
            "the step vector is adjusted after 1 to 2²⁴ cycles, not {cycles}"
        );
        Self { cycles, ..self }
    }

    /// Sets the number `N_T` of adjustments after which the temperature falls. With `usize::MAX`, it never does.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[track_caller]
    #[must_use]
    pub fn adjustments(self, adjustments: usize) -> Self {
        assert!(adjustments > 0, "the temperature falls after at least one adjustment");
        Self { adjustments: Some(adjustments), ..self }
    }

    /// Sets the greatest move `vₕ` along each coordinate at first.
    ///
    /// # Panics
    ///
    /// If it is not positive and finite.
    #[track_caller]
    #[must_use]
    pub fn first_move(self, first_move: f64) -> Self {
        Self { first_move: positive("move", first_move), ..self }
    }

    /// Sets the greatest magnitude of a parameter. Moves of a parameter that is greater at first may only make it less.
    ///
    /// # Panics
    ///
    /// If it is not positive and finite.
    #[track_caller]
    #[must_use]
    pub fn range(self, range: f64) -> Self {
        Self { range: positive("range", range), ..self }
    }

    /// Sets the seed of the moves.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { rng: rng(seed), ..self }
    }

    /// Returns the temperature `T` of the next step.
    #[must_use]
    pub fn present_temperature(&self) -> f64 {
        self.temperature
    }

    /// Returns the best parameters, `[P]`, for [`vector_to_parameters`](crate::vector_to_parameters). There are none
    /// before the first step.
    #[must_use]
    pub fn best(&self) -> Option<&Tensor<T>> {
        self.chain.as_ref().map(|chain| &chain.best)
    }

    /// Returns the step vector `v`, `[P]`. There is none before the first step.
    #[must_use]
    pub fn moves(&self) -> Option<&Tensor<T>> {
        self.chain.as_ref().map(|chain| &chain.moves)
    }
}

impl<T: Scalar> Default for SimulatedAnnealing<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar, M: Module<T>> Trainer<T, M> for SimulatedAnnealing<T> {
    #[track_caller]
    fn step(
        &mut self,
        model: &mut M,
        objective: &ObjectiveFn<'_, T, M>,
    ) -> Result<Progress, TrainError> {
        let (size, loss) = (model.parameter_count(), finite_loss_of(model, objective)?);
        let begin = || Chain::new(parameters_to_vector(model), self.first_move);
        let mut chain = self.chain.clone().unwrap_or_else(begin);
        let count = chain.best.len();
        assert!(count == size, "a trainer of {count} parameters, and a model of {size}");

        let mut trials = Trials::new(model, objective);
        let mut present = Point { parameters: trials.start().clone(), loss };
        let best =
            chain.cycle(&mut present, self.temperature, self.range, &mut trials, &mut self.rng);
        if chain.cycles >= self.cycles {
            chain.adjust(self.range);
        }
        if chain.adjustments >= self.adjustments.unwrap_or_else(|| (5 * size).max(100)) {
            chain.adjustments = 0;
            self.temperature *= self.cooling;
            present = best;
        }
        let passes = 1 + trials.count;
        trials.keep(&present.parameters);
        self.chain = Some(chain);
        Ok(Progress { loss, loss_after: Some(present.loss), passes })
    }

    fn state(&self, _model: &M) -> Archive<T> {
        let mut state = Archive::new();
        state.set_text(TEMPERATURE, self.temperature);
        state.set_rng(RNG, &self.rng);
        if let Some(chain) = &self.chain {
            chain.save(&mut state);
        }
        state
    }

    fn restore(&mut self, model: &M, state: &Archive<T>) -> Result<(), WeightsError> {
        let temperature = state.parse_if(TEMPERATURE, |&t: &f64| t >= 0.0 && t.is_finite())?;
        let rng = state.rng(RNG)?;
        let chain = Chain::saved(state, model.parameter_count())?;
        let is_begun = chain.is_some();
        state.expect_tensors(|name| is_begun && Chain::<T>::has_tensor(name))?;
        state.expect_texts(|name| {
            [TEMPERATURE, RNG].contains(&name) || is_begun && Chain::<T>::has_text(name)
        })?;
        (self.temperature, self.rng, self.chain) = (temperature, rng, chain);
        Ok(())
    }
}

const TEMPERATURE: &str = "temperature";
const RNG: &str = "rng";
