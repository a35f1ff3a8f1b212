//! Expectation maximization.

use std::iter;

use bptt_autodiff::{Param, Tape};
use bptt_layers::Module;
use bptt_layers::weights::{Archive, WeightsError};
use bptt_tensor::Scalar;

use super::error::HmmError;
use super::forward_backward::Posteriors;
use super::model::InputOutputHmm;
use super::network::InputNetwork;
use super::outputs::OutputDistribution;
use super::sequences::Sequences;
use crate::error::TrainError;
use crate::evaluation::loss_of;
use crate::objective::{Objective, ObjectiveFn};
use crate::second_order::HessianFree;
use crate::trainer::Trainer;
use crate::vector::{self, parameters_to_vector, vector_to_parameters};

/// Expectation maximization for an [`InputOutputHmm`]: the likelihood never falls, up to rounding. The one exception is
/// [`least_variance`](super::GaussianOutputs::least_variance), which may lower it in the first step.
///
/// ```text
/// E:  γ_t(i), ξ_t(j, i) at the present parameters θ, by forward–backward
/// M:  θ ← argmax_θ' Q(θ')      Q = Σ ξ_t(j, i) ln φ_ij(u_t) + Σ γ_t(i) ln p(y_t | x_t = i, u_t) + …
/// ```
///
/// `Q` is the [expected log-likelihood](InputOutputHmm::expected_log_likelihood). The log-likelihood grows at least
/// as much as `Q` does.
///
/// Where networks are [tables](super::InputTable) of symbols, the maximum is exact: expected counts, normalized. A
/// distribution that no data reach, such as that of an input that does not occur, stays as it is. A probability of 0
/// stays 0, so that known structure is given by logits of −∞.
///
/// For other networks, the maximization is generalized: a trainer, [`HessianFree`] by default, makes a step on `−Q`
/// per time step, a weighted cross-entropy of logits. The step changes only parameters on which this
/// loss depends. The others have a closed form. If the trainer changes them, the change is undone. A step that would make `Q` smaller is
/// halved, up to ten times, and then not made. [`EmProgress`] says whether one was made.
///
/// The likelihood has local maxima, in which training ends. Train from several random starts, and keep
/// the model with the greatest likelihood.
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

impl ExpectationMaximization<HessianFree> {
    /// Creates a trainer that makes one step of [`HessianFree`] in each maximization, if there are networks other
    /// than tables.
    #[must_use]
    pub fn new() -> Self {
        Self::with_trainer(HessianFree::new())
    }
}

impl Default for ExpectationMaximization<HessianFree> {
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
    /// # Errors
    ///
    /// If the data do not suit the model, no sequence has a step, a sequence has the probability 0, or the trainer of
    /// the networks returns an error. The parameters are then as they were. That the trainer makes no progress is no
    /// error: the [`EmProgress`] says so.
    ///
    /// # Panics
    ///
    /// As the equations of the networks do.
    #[track_caller]
    pub fn step<T, P, O>(
        &mut self,
        model: &mut InputOutputHmm<T, P, O>,
        data: &Sequences<T>,
    ) -> Result<EmProgress, HmmError>
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
            Ok((passes, trainer_steps)) => {
                let loss = -posteriors.log_likelihoods.iter().sum::<f64>() / steps as f64;
                Ok(EmProgress { loss, trainer_steps, passes: passes + 1 })
            }
            Err(error) => {
                vector_to_parameters(&before, model);
                Err(error)
            }
        }
    }

    /// Returns the state of the trainer of the networks. Expectation maximization itself has none.
    #[must_use]
    pub fn state<T: Scalar, M: Module<T>>(&self, model: &M) -> Archive<T>
    where
        R: Trainer<T, M>,
    {
        self.trainer.state(model)
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

    /// Makes the expected log-likelihood larger. Returns the number of passes through the networks, and of steps by
    /// which the trainer changed them.
    #[track_caller]
    fn maximize<T, P, O>(
        &mut self,
        model: &mut InputOutputHmm<T, P, O>,
        data: &Sequences<T>,
        posteriors: &Posteriors,
    ) -> Result<(usize, usize), HmmError>
    where
        T: Scalar,
        P: InputNetwork<T>,
        O: OutputDistribution<T>,
        R: Trainer<T, InputOutputHmm<T, P, O>>,
    {
        let remaining = model.maximize(data, posteriors)?;
        if remaining.transitions.is_none() && remaining.outputs.is_none() {
            return Ok((0, 0));
        }
        let steps = data.total_steps() as f64;
        let objective = objective_of(|model: &InputOutputHmm<T, P, O>, tape| {
            let Ok((outputs, loss)) = model.network_loss(tape, data, &remaining) else {
                unreachable!("the posteriors were computed from these data")
            };
            Objective::of_outputs(outputs, loss / steps)
        });
        let is_trained = dependence(model, &objective);
        let (mut passes, mut made) = (1, 0);
        for _ in 0..self.steps {
            let (count, is_made) = train(&mut self.trainer, model, &objective, &is_trained)?;
            passes += count;
            made += usize::from(is_made);
        }
        Ok((passes, made))
    }
}

/// What a step of [`ExpectationMaximization`] did.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct EmProgress {
    /// The negative log-likelihood per time step before the step, in nats. That after the step is the next step's.
    pub loss: f64,
    /// The number of steps by which the trainer changed the networks, in whole or in part: 0 if all networks are
    /// tables, and also if each step would have made the expected log-likelihood smaller, so that the networks stand
    /// still.
    pub trainer_steps: usize,
    /// The number of passes through the model, as in [`Progress`](crate::Progress).
    pub passes: usize,
}

/// Returns for each parameter whether the objective depends on it.
#[track_caller]
fn dependence<T: Scalar, M: Module<T>>(model: &M, objective: &ObjectiveFn<'_, T, M>) -> Vec<bool> {
    let tape = Tape::new();
    let gradients = tape.backward(objective(model, &tape).loss);
    let parameters = model.parameters().into_iter();
    let of = |parameter: &Param<T>| gradients.get(parameter).is_some();
    parameters.flat_map(|(_, p)| iter::repeat_n(of(p), p.value().len())).collect()
}

/// Makes a step of a trainer, or a part of it, that does not make the loss greater. Returns the number of passes, and
/// whether the parameters changed.
#[track_caller]
fn train<T: Scalar, M: Module<T>>(
    trainer: &mut impl Trainer<T, M>,
    model: &mut M,
    objective: &ObjectiveFn<'_, T, M>,
    is_trained: &[bool],
) -> Result<(usize, bool), HmmError> {
    let start = vector::read(model);
    let loss = loss_of(model, objective);
    let mut passes = 1;
    match trainer.step(model, objective) {
        Ok(progress) => passes += progress.passes,
        Err(TrainError::NoProgress { .. }) => return Ok((passes, false)),
        Err(error) => return Err(error.into()),
    }
    let mut end = vector::read(model);
    for i in (0..end.len()).filter(|&i| !is_trained[i]) {
        end[i] = start[i];
    }
    for halving in 0..=HALVINGS {
        let part = 0.5_f64.powi(halving);
        let point = match halving {
            0 => end.clone(),
            _ => start.zip_map(&end, |a, b| if a == b { a } else { a + (b - a) * part }),
        };
        vector::write(&point, model);
        passes += 1;
        if loss_of(model, objective) <= loss {
            return Ok((passes, point != start));
        }
    }
    vector::write(&start, model);
    Ok((passes, false))
}

/// The number of times that a step is halved before it is not made.
const HALVINGS: i32 = 10;

/// Returns a closure with the signature of an objective.
fn objective_of<T, M, F>(objective: F) -> F
where
    T: Scalar,
    F: for<'t> Fn(&M, &'t Tape<T>) -> Objective<'t, T>,
{
    objective
}
