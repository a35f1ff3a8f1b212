//! Expectation maximization.

use bptt_autodiff::Tape;
use bptt_layers::Module;
use bptt_layers::weights::{Archive, WeightsError};
use bptt_tensor::Scalar;

use super::error::HmmError;
use super::expected::Remaining;
use super::forward_backward::Posteriors;
use super::model::InputOutputHmm;
use super::network::InputNetwork;
use super::outputs::OutputDistribution;
use super::sequences::Sequences;
use crate::error::TrainError;
use crate::evaluation::loss_of;
use crate::objective::Objective;
use crate::second_order::HessianFree;
use crate::trainer::{Progress, Trainer};
use crate::vector::{self, Vector, parameters_to_vector, vector_to_parameters};

/// Expectation maximization for an [`InputOutputHmm`]: the likelihood never falls, up to rounding.
///
/// ```text
/// E:  γ_t(i), ξ_t(j, i) at the present parameters θ, by forward–backward
/// M:  θ ← argmax_θ' Q(θ')      Q = Σ ξ_t(j, i) ln φ_ij(u_t) + Σ γ_t(i) ln p(y_t | x_t = i, u_t) + …
/// ```
///
/// `Q` is the [expected log-likelihood](InputOutputHmm::expected_log_likelihood). The log-likelihood grows at least
/// as much as `Q` does.
///
/// Where networks are [tables](crate::InputTable) of symbols, the maximum is exact: expected counts, normalized. A
/// distribution that no data reach, such as that of an input that does not occur, stays as it is. A probability of 0
/// stays 0, so that known structure is given by logits of −∞.
///
/// For other networks, the maximization is generalized: a trainer, [`HessianFree`] by default, makes a step on `−Q`
/// per time step, a weighted cross-entropy of logits. A step that would make `Q` smaller is halved, up to ten times,
/// and then not made.
///
/// The likelihood has local maxima, in which a step ends. So several random starts are compared.
///
/// It is not a [`Trainer`]: it needs data, where a trainer needs a loss.
///
/// Dempster, Laird and Rubin, *Maximum likelihood from incomplete data via the EM algorithm* (1977), also for
/// generalized steps; Bengio and Frasconi, *An Input Output HMM Architecture* (1995).
///
/// ```
/// use bptt_tensor::Tensor;
/// use bptt_trainers::mixture::{
///     ClassOutputs, ExpectationMaximization, HmmError, InputOutputHmm, InputTable, Sequences,
/// };
/// use rand::RngExt;
///
/// // the parity of the ones so far
/// let mut rng = bptt_layers::rng(0);
/// let inputs: Vec<usize> = (0..300).map(|_| rng.random_range(0..2)).collect();
/// let mut parity = 0;
/// let outputs: Vec<usize> = inputs
///     .iter()
///     .map(|input| {
///         parity ^= input;
///         parity
///     })
///     .collect();
/// let data = Sequences::new(inputs, outputs, &[300])?;
///
/// // two states that show their number
/// let shown = ClassOutputs::new(InputTable::from_values(Tensor::from([[1.0, -1.0, -1.0, 1.0]; 2])), 2);
/// let mut model = InputOutputHmm::<f64, _, _>::new(InputTable::new(&mut rng, 2, 4), shown);
/// let mut trainer = ExpectationMaximization::new();
/// let mut losses = Vec::new();
/// for _ in 0..100 {
///     losses.push(trainer.step(&mut model, &data)?.loss); // −ln p(y | u) / T
/// }
/// assert!(losses.windows(2).all(|pair| pair[1] <= pair[0] + 1e-12));
/// assert!(losses[99] < 1e-3, "{}", losses[99]);
/// # Ok::<(), HmmError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ExpectationMaximization<R> {
    trainer: R,
    steps: usize,
}

impl<T: Scalar> ExpectationMaximization<HessianFree<T>> {
    /// Creates a trainer that makes one step of [`HessianFree`] in each maximization, if there are networks other
    /// than tables.
    #[must_use]
    pub fn new() -> Self {
        Self::with_trainer(HessianFree::new())
    }
}

impl<T: Scalar> Default for ExpectationMaximization<HessianFree<T>> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R> ExpectationMaximization<R> {
    /// Creates a trainer whose maximization makes one step of this trainer, if there are networks other than tables.
    /// Its objective is [of outputs](Objective::of_outputs).
    #[must_use]
    pub fn with_trainer(trainer: R) -> Self {
        Self { trainer, steps: 1 }
    }

    /// Sets the number of steps that the trainer of the networks makes in each maximization.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[track_caller]
    #[must_use]
    pub fn trainer_steps(self, steps: usize) -> Self {
        assert!(steps > 0, "the trainer of the networks makes at least one step");
        Self { steps, ..self }
    }

    /// Returns the trainer of the networks, for instance to change its learning rate.
    pub fn trainer_mut(&mut self) -> &mut R {
        &mut self.trainer
    }

    /// Makes a step: computes the posteriors of the states, and maximizes the expected log-likelihood.
    ///
    /// The loss of the [`Progress`] is the negative log-likelihood per time step before the step, in nats. The loss
    /// after the step is not computed, as the next step computes it.
    ///
    /// # Errors
    ///
    /// If the data do not suit the model, no sequence has a step, a sequence has the probability 0, or the trainer of
    /// the networks returns an error. The parameters are then as they were. That the trainer makes no progress is no
    /// error.
    ///
    /// # Panics
    ///
    /// As the equations of the networks do.
    #[track_caller]
    pub fn step<T, P, O>(
        &mut self,
        model: &mut InputOutputHmm<T, P, O>,
        data: &Sequences<T>,
    ) -> Result<Progress, HmmError>
    where
        T: Scalar,
        P: InputNetwork<T>,
        O: OutputDistribution<T>,
        R: Trainer<T, InputOutputHmm<T, P, O>>,
    {
        let posteriors = model.posteriors(data)?;
        let steps = data.total_steps();
        if steps == 0 {
            return Err(HmmError::NoData);
        }
        let before = parameters_to_vector(model);
        match self.maximize(model, data, &posteriors) {
            Ok(passes) => {
                let loss = -posteriors.log_likelihoods.iter().sum::<f64>() / steps as f64;
                Ok(Progress { loss, loss_after: None, passes: passes + 1 })
            }
            Err(error) => {
                vector_to_parameters(&before, model);
                Err(error)
            }
        }
    }

    /// Returns the state of the trainer of the networks. Expectation maximization itself has none.
    #[must_use]
    pub fn state<T: Scalar, M: Module<T>>(&self, _model: &M) -> Archive<T>
    where
        R: Trainer<T, M>,
    {
        self.trainer.state()
    }

    /// Replaces the state by one that [`state`](Self::state) returned. Training then continues as if it had never
    /// stopped, to the bit.
    ///
    /// # Errors
    ///
    /// If the state is not that of such a trainer of this model. The trainer then stays as it was.
    pub fn restore<T: Scalar, M: Module<T>>(
        &mut self,
        model: &M,
        state: &Archive<T>,
    ) -> Result<(), WeightsError>
    where
        R: Trainer<T, M>,
    {
        self.trainer.restore(model, state)
    }

    /// Makes the expected log-likelihood larger. Returns the number of passes through the networks.
    #[track_caller]
    fn maximize<T, P, O>(
        &mut self,
        model: &mut InputOutputHmm<T, P, O>,
        data: &Sequences<T>,
        posteriors: &Posteriors,
    ) -> Result<usize, HmmError>
    where
        T: Scalar,
        P: InputNetwork<T>,
        O: OutputDistribution<T>,
        R: Trainer<T, InputOutputHmm<T, P, O>>,
    {
        let remaining = model.maximize(data, posteriors)?;
        if !remaining.transitions && !remaining.outputs {
            return Ok(0);
        }
        let mut passes = 0;
        for _ in 0..self.steps {
            let (made, is_progress) = self.train(model, data, posteriors, remaining)?;
            passes += made;
            if !is_progress {
                break;
            }
        }
        Ok(passes)
    }

    /// Makes a step of the trainer, or a part of it. Returns the number of passes, and whether the parameters
    /// changed.
    #[track_caller]
    fn train<T, P, O>(
        &mut self,
        model: &mut InputOutputHmm<T, P, O>,
        data: &Sequences<T>,
        posteriors: &Posteriors,
        remaining: Remaining,
    ) -> Result<(usize, bool), HmmError>
    where
        T: Scalar,
        P: InputNetwork<T>,
        O: OutputDistribution<T>,
        R: Trainer<T, InputOutputHmm<T, P, O>>,
    {
        let steps = data.total_steps() as f64;
        let objective = objective_of(|model: &InputOutputHmm<T, P, O>, tape| {
            let Ok((outputs, loss)) = model.network_loss(tape, data, posteriors, remaining) else {
                unreachable!("the posteriors were computed from these data")
            };
            Objective::of_outputs(outputs, loss / steps)
        });
        let start = vector::read(model);
        let loss = loss_of(model, &objective);
        let mut passes = 1;
        match self.trainer.step(model, &objective) {
            Ok(progress) => passes += progress.passes,
            Err(TrainError::NoProgress { .. }) => return Ok((passes, false)),
            Err(error) => return Err(error.into()),
        }
        let change = change(&start, &vector::read(model));
        let mut length = 1.0;
        for _ in 0..=HALVINGS {
            passes += 1;
            if loss_of(model, &objective) <= loss {
                return Ok((passes, true));
            }
            length *= 0.5;
            vector::write(&(&start + &change * length), model);
        }
        vector::write(&start, model);
        Ok((passes, false))
    }
}

/// The number of times that a step is halved before it is not made.
const HALVINGS: usize = 10;

/// Returns a closure with the signature of an objective.
fn objective_of<T, M, F>(objective: F) -> F
where
    T: Scalar,
    F: for<'t> Fn(&M, &'t Tape<T>) -> Objective<'t, T>,
{
    objective
}

/// Returns the change between two vectors of parameters, 0 where both have the same infinity.
fn change(from: &Vector, to: &Vector) -> Vector {
    from.zip_map(to, |from, to| if from == to { 0.0 } else { to - from })
}
