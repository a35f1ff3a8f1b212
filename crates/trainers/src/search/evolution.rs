use bptt_autodiff::Gradients;
use bptt_layers::weights::{Archive, WeightsError};
use bptt_layers::{Module, Optimizer, Xoshiro256PlusPlus, rng};
use bptt_tensor::{Scalar, Tensor};

use crate::error::TrainError;
use crate::evaluation::{Trials, finite_loss_of};
use crate::objective::ObjectiveFn;
use crate::options::positive;
use crate::trainer::{Progress, Trainer};
use crate::vector::{self, Vector};

/// The evolution strategy of Salimans et al.: an optimizer on a gradient that is estimated from losses at perturbed
/// parameters.
///
/// ```text
/// εᵢ ~ N(0, I)      i = 1 … n
/// g = 1/(2 n σ) Σᵢ (F(θ + σ εᵢ) − F(θ − σ εᵢ)) εᵢ
/// ```
///
/// With the loss itself as `F`, `g` is an unbiased estimate of the gradient of the smoothed loss `E f(θ + σ ε)`. By
/// default, `F` is the centred rank of the loss among all `2n` of the step, from −½ for the least to ½ for the
/// greatest. Equal losses have the mean of their ranks. Then a step depends only on the order of the losses, and the
/// length of `g` says nothing about their scale. An optimizer such as [`Adam`](bptt_layers::Adam) adapts to its length.
///
/// Salimans, Ho, Chen, Sidor and Sutskever, *Evolution strategies as a scalable alternative to reinforcement learning*
/// (2017). Their program gives equal losses different ranks and leaves out `1/σ`. Its weight decay is here that of the
/// optimizer.
///
/// The loss need not be differentiable. A step makes `2n + 1` passes, and the variance of `g` grows with the number of
/// parameters. A loss that is not finite ranks with the greatest.
///
/// ```
/// use bptt_layers::{Adam, Linear, Module};
/// use bptt_tensor::Tensor;
/// use bptt_trainers::{EvolutionStrategy, Objective, Trainer};
///
/// let mut rng = bptt_layers::rng(0);
/// let mut model = Linear::<f64>::new(&mut rng, 3, 1);
/// let xs = Tensor::normal([20, 3], 0.0, 1.0, &mut rng);
/// let ys = xs.sum_keep(&[1]) * 0.5;
/// let mut trainer = EvolutionStrategy::new(Adam::new(0.05)).pairs(8);
/// let mut losses = Vec::new();
/// for _ in 0..100 {
///     let progress = trainer.step(&mut model, &|model, tape| {
///         Objective::squares(model.forward(tape.constant(xs.clone())) - &ys)
///     })?;
///     losses.push(progress.loss);
/// }
/// assert!(losses[99] < 0.05 * losses[0], "{losses:?}");
/// # Ok::<(), bptt_trainers::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct EvolutionStrategy<O> {
    optimizer: O,
    pairs: usize,
    deviation: f64,
    is_ranked: bool,
    rng: Xoshiro256PlusPlus,
}

impl<O> EvolutionStrategy<O> {
    /// Creates a trainer with `n = 50` pairs, the deviation `σ = 0.02` of the authors' program, ranks, and the seed 0.
    #[must_use]
    pub fn new(optimizer: O) -> Self {
        Self { optimizer, pairs: 50, deviation: 0.02, is_ranked: true, rng: rng(0) }
    }

    /// Sets the number `n` of pairs of perturbations in a step.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[track_caller]
    #[must_use]
    pub fn pairs(self, pairs: usize) -> Self {
        assert!(pairs > 0, "a step makes at least one pair of perturbations");
        Self { pairs, ..self }
    }

    /// Sets the standard deviation `σ` of a perturbation of a parameter.
    ///
    /// # Panics
    ///
    /// If it is not positive and finite.
    #[track_caller]
    #[must_use]
    pub fn deviation(self, deviation: f64) -> Self {
        Self { deviation: positive("deviation", deviation), ..self }
    }

    /// Has the losses themselves in place of their ranks, so that the estimate is unbiased. They must then be finite.
    #[must_use]
    pub fn raw_losses(self) -> Self {
        Self { is_ranked: false, ..self }
    }

    /// Sets the seed of the perturbations.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { rng: rng(seed), ..self }
    }

    /// Returns the optimizer, for instance to change its learning rate.
    pub fn optimizer_mut(&mut self) -> &mut O {
        &mut self.optimizer
    }
}

/// Returns the ranks of losses in −½..½. Equal losses have the mean of their ranks, and losses that are not finite are
/// equal, and greater than all others.
fn centred_ranks(losses: &[f64]) -> Vec<f64> {
    let losses: Vec<f64> =
        losses.iter().map(|&loss| if loss.is_finite() { loss } else { f64::INFINITY }).collect();
    let mut order: Vec<usize> = (0..losses.len()).collect();
    order.sort_by(|&i, &j| losses[i].total_cmp(&losses[j]));
    let last = (losses.len() - 1) as f64;
    let mut ranks = vec![0.0; losses.len()];
    let mut first = 0;
    for equal in order.chunk_by(|&i, &j| losses[i] == losses[j]) {
        let rank = first as f64 + (equal.len() - 1) as f64 / 2.0;
        equal.iter().for_each(|&i| ranks[i] = rank / last - 0.5);
        first += equal.len();
    }
    ranks
}

/// Draws a perturbation in units of the deviation.
fn draw(size: usize, rng: &mut Xoshiro256PlusPlus) -> Vector {
    vector::of_tensor(&Tensor::<f64>::normal([size], 0.0, 1.0, rng))
}

/// Returns the elements of a vector as gradients of the parameters.
fn gradients<T: Scalar>(model: &dyn Module<T>, vector: &Vector) -> Gradients<T> {
    let mut gradients = Gradients::default();
    let parameters = model.parameters();
    let shapes = parameters.iter().map(|(_, parameter)| parameter.shape().clone());
    for ((_, parameter), gradient) in parameters.iter().zip(vector::parts(vector, shapes)) {
        gradients.insert(parameter, gradient);
    }
    gradients
}

impl<T: Scalar, M: Module<T>, O: Optimizer<T>> Trainer<T, M> for EvolutionStrategy<O> {
    #[track_caller]
    fn step(
        &mut self,
        model: &mut M,
        objective: &ObjectiveFn<'_, T, M>,
    ) -> Result<Progress, TrainError> {
        let (size, loss) = (model.parameter_count(), finite_loss_of(model, objective)?);
        let mut again = self.rng.clone(); // perturbations are drawn twice, and not stored
        let mut losses = Vec::with_capacity(2 * self.pairs);
        let mut trials = Trials::new(model, objective);
        let start = trials.start().clone();
        for _ in 0..self.pairs {
            let perturbation = draw(size, &mut self.rng) * self.deviation;
            losses.push(trials.loss_at(&(&start + &perturbation)));
            losses.push(trials.loss_at(&(&start - &perturbation)));
        }
        let passes = 1 + trials.count;
        drop(trials);
        if self.is_ranked {
            losses = centred_ranks(&losses);
        } else if !losses.iter().all(|loss| loss.is_finite()) {
            return Err(TrainError::NonFinite { quantity: "the loss at perturbed parameters" });
        }
        let scale = 1.0 / (2.0 * self.pairs as f64 * self.deviation);
        let mut gradient = Vector::zeros(size);
        for pair in losses.chunks_exact(2) {
            gradient.axpy((pair[0] - pair[1]) * scale, &draw(size, &mut again), 1.0);
        }
        let gradients = gradients(model, &gradient);
        self.optimizer.step(model, &gradients);
        Ok(Progress { loss, loss_after: None, passes })
    }

    fn state(&self, _model: &M) -> Archive<T> {
        let mut state = Archive::new();
        state.set_rng(RNG, &self.rng);
        state.insert_group(OPTIMIZER, &self.optimizer.state());
        state
    }

    fn restore(&mut self, model: &M, state: &Archive<T>) -> Result<(), WeightsError> {
        let rng = state.rng(RNG)?;
        let is_of_optimizer =
            |name: &str| name.strip_prefix(OPTIMIZER).is_some_and(|rest| rest.starts_with('.'));
        state.expect_tensors(is_of_optimizer)?;
        state.expect_texts(|name| name == RNG || is_of_optimizer(name))?;
        self.optimizer.restore(model, &state.group(OPTIMIZER))?;
        self.rng = rng;
        Ok(())
    }
}

const OPTIMIZER: &str = "optimizer";
const RNG: &str = "rng";
