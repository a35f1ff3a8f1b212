use bptt_autodiff::Tape;
use bptt_layers::weights::{Archive, WeightsError};
use bptt_layers::{Module, Xoshiro256PlusPlus, rng};
use bptt_tensor::{Scalar, Tensor};

use super::conjugate_gradients::{Solution, Stop, solve};
use super::gauss_newton::GaussNewton;
use super::linearization::Linearization;
use crate::error::TrainError;
use crate::evaluation::Trials;
use crate::objective::{Objective, ObjectiveFn};
use crate::options::{non_negative, positive, share};
use crate::trainer::{Progress, Trainer};
use crate::vector::{self, Vector};

/// Hessian-free optimization: truncated Newton steps with the Gauss–Newton matrix, which is never formed.
///
/// ```text
/// δ ≈ argmin  gᵀ δ + ½ δᵀ (G + λ I + μ λ S) δ      by conjugate gradients, from ξ δ of the step before
/// θ ← θ + α δ                                      α by a line search
/// ρ = (f(θ + δ) − f(θ)) / (gᵀ δ + ½ δᵀ G δ)        λ ← 3/2 λ if ρ < 1/4,  λ ← 2/3 λ if ρ > 3/4
/// ```
///
/// `G = Jᵀ H J` is the Gauss–Newton matrix of an objective [of outputs](Objective::of_outputs) or of
/// [squares](Objective::squares), and `g` the gradient. `S = J_hᵀ J_h` is the matrix of structural damping, with the
/// Jacobian `J_h` of the [hidden states](Objective::hidden). Conjugate gradients are preconditioned by a diagonal matrix
/// and end when their relative progress falls off. Of the approximations on their way, the last is taken before which the loss
/// falls.
///
/// Martens, *Deep learning via Hessian-free optimization* (2010); Martens and Sutskever, *Learning recurrent neural
/// networks with Hessian-free optimization* (2011). Here, the diagonal matrix is `(D + λ I)^{3/4}` with an
/// estimate `D` of the diagonal of `G` by one product, `(Jᵀ H s)² n / sᵀ H s` for random signs `s` of the `n` outputs (after Chapelle
/// and Erhan 2011), where the paper has squared gradients of the cases.
///
/// A step needs a large batch, since it goes to the minimum of a model of the loss on this batch.
///
/// ```
/// use bptt_layers::{Elman, Layer, Linear, loss};
/// use bptt_tensor::Tensor;
/// use bptt_trainers::{HessianFree, Objective, Trainer};
///
/// let mut rng = bptt_layers::rng(0);
/// let mut model = (Elman::<f64>::new(&mut rng, 1, 8), Linear::new(&mut rng, 8, 2));
/// let xs = Tensor::normal([10, 20, 1], 0.0, 1.0, &mut rng); // [T, B, I]
/// let first: Vec<usize> = xs.index_first(0).iter().map(|&x| usize::from(x > 0.0)).collect();
/// let mut trainer = HessianFree::new();
/// let mut losses = Vec::new();
/// for _ in 0..10 {
///     let progress = trainer.step(&mut model, &|model, tape| {
///         let (hidden, _) = model.0.forward(tape.constant(xs.clone()));
///         let logits = model.1.forward(hidden.index_first(9));
///         let loss = loss::cross_entropy(logits, &first).mean();
///         Objective::of_outputs(logits, loss).hidden(hidden)
///     })?;
///     losses.push(progress.loss);
/// }
/// assert!(losses[9] < 0.1 * losses[0], "{losses:?}");
/// # Ok::<(), bptt_trainers::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct HessianFree<T: Scalar> {
    damping: f64,
    structural: f64,
    decay: f64,
    stop: Stop,
    /// The direction `δ` of the step before.
    direction: Option<Tensor<T>>,
    rng: Xoshiro256PlusPlus,
}

impl<T: Scalar> HessianFree<T> {
    /// Creates a trainer with a damping `λ` of 1 at first, no structural damping, `ξ = 0.95`, and at most 250 iterations
    /// of conjugate gradients, which end at a relative progress of 5·10⁻⁴ an iteration.
    #[must_use]
    pub fn new() -> Self {
        let stop = Stop { iterations: 250, tolerance: 5e-4 };
        Self { damping: 1.0, structural: 0.0, decay: 0.95, stop, direction: None, rng: rng(0) }
    }

    /// Sets the damping `λ` of the next step. Steps adapt it.
    ///
    /// # Panics
    ///
    /// If it is not positive and finite.
    #[track_caller]
    #[must_use]
    pub fn damping(self, damping: f64) -> Self {
        Self { damping: positive("damping", damping), ..self }
    }

    /// Sets the share `μ` of structural damping in the damping. The paper has values from 0 to 1, such as 0.03.
    ///
    /// # Panics
    ///
    /// If it is negative or not finite.
    #[track_caller]
    #[must_use]
    pub fn structural_damping(self, structural: f64) -> Self {
        Self { structural: non_negative("structural damping", structural), ..self }
    }

    /// Sets the share `ξ` of the direction of the step before at which conjugate gradients begin.
    ///
    /// # Panics
    ///
    /// If it is not in `0..1`.
    #[track_caller]
    #[must_use]
    pub fn decay(self, decay: f64) -> Self {
        Self { decay: share("decay of the direction", decay), ..self }
    }

    /// Sets the greatest number of iterations of conjugate gradients in a step.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[track_caller]
    #[must_use]
    pub fn iterations(self, iterations: usize) -> Self {
        assert!(iterations > 0, "conjugate gradients make at least one iteration");
        Self { stop: Stop { iterations, ..self.stop }, ..self }
    }

    /// Sets the relative progress of an iteration at which conjugate gradients end. With 0 they use all their
    /// iterations.
    ///
    /// # Panics
    ///
    /// If it is negative or not finite.
    #[track_caller]
    #[must_use]
    pub fn tolerance(self, tolerance: f64) -> Self {
        let tolerance = non_negative("tolerance", tolerance);
        Self { stop: Stop { tolerance, ..self.stop }, ..self }
    }

    /// Returns the damping `λ` of the next step.
    #[must_use]
    pub fn present_damping(&self) -> f64 {
        self.damping
    }

    /// Makes a step as [`Trainer::step`], with the curvature of another objective, such as that of a part of the
    /// batch. It takes less time, since nearly all passes are products with the curvature.
    ///
    /// # Errors
    ///
    /// As [`Trainer::step`].
    ///
    /// # Panics
    ///
    /// As the equations do.
    #[track_caller]
    pub fn step_with_curvature_of<M: Module<T>>(
        &mut self,
        model: &mut M,
        objective: &ObjectiveFn<'_, T, M>,
        curvature: &ObjectiveFn<'_, T, M>,
    ) -> Result<Progress, TrainError> {
        let (loss, gradient) = {
            let tape = Tape::new();
            let objective = objective(model, &tape);
            let linearization = Linearization::new(model, &tape, objective.loss);
            (objective.value(), linearization.gradient())
        };
        let directions = {
            let tape = Tape::new();
            let objective = curvature(model, &tape);
            self.directions(model, &tape, &objective, loss, &gradient)?
        };
        let mut progress = self.advance(model, objective, loss, &gradient, &directions)?;
        progress.passes += 2 + directions.passes;
        Ok(progress)
    }

    /// Minimizes the quadratic model of the objective.
    fn directions(
        &mut self,
        model: &dyn Module<T>,
        tape: &Tape<T>,
        objective: &Objective<'_, T>,
        loss: f64,
        gradient: &Vector,
    ) -> Result<Directions, TrainError> {
        if gradient.is_empty() {
            return Err(TrainError::NoParameters);
        }
        if !loss.is_finite() {
            return Err(TrainError::NonFinite { quantity: "the loss" });
        }
        if !gradient.iter().all(|x| x.is_finite()) {
            return Err(TrainError::NonFinite { quantity: "the gradient" });
        }
        let curvature = GaussNewton::of("HessianFree", model, tape, objective)?;
        let (damping, structural) = (self.damping, self.structural * self.damping);
        let hidden = objective.hidden.filter(|_| structural > 0.0);
        let hidden = hidden.map(|states| curvature.linearization().jacobian(states));
        let product = |v: &Vector| {
            let mut image = curvature.times(v) + v * damping;
            if let Some(hidden) = &hidden {
                let tangent = curvature.linearization().product(hidden, v);
                let pulled = curvature.linearization().transposed_product(hidden, tangent);
                image.axpy(structural, &pulled, 1.0);
            }
            image
        };
        let diagonal = curvature.diagonal(&mut self.rng);
        let preconditioner = diagonal.map(|entry| (entry + damping).powf(0.75));
        let start = match &self.direction {
            Some(direction) if direction.len() == gradient.len() => {
                vector::of_tensor(direction) * self.decay
            }
            _ => Vector::zeros(gradient.len()),
        };
        let solution = solve(product, &-gradient, start, &preconditioner, self.stop);
        let Ok(Solution { iterates, iterations }) = solution else {
            return Err(TrainError::NotPositiveDefinite {
                matrix: "the Gauss–Newton matrix",
                remedy: "the loss is not convex in the outputs; name as outputs the values of which it is a convex \
                         function, such as logits",
            });
        };
        let curvatures = iterates.iter().map(|(x, _)| x.dot(&curvature.times(x))).collect();
        let passes = iterations + iterates.len() + 2;
        let iterates = iterates.into_iter().map(|(x, _)| x).collect();
        Ok(Directions { iterates, curvatures, passes })
    }

    /// Chooses among the directions, searches along the choice, and adapts the damping.
    fn advance<M: Module<T>>(
        &mut self,
        model: &mut M,
        objective: &ObjectiveFn<'_, T, M>,
        loss: f64,
        gradient: &Vector,
        directions: &Directions,
    ) -> Result<Progress, TrainError> {
        let mut trials = Trials::new(model, objective);
        let start = trials.start().clone();
        let mut chosen = directions.iterates.len() - 1;
        let mut reached = trials.loss_at(&(&start + &directions.iterates[chosen]));
        while chosen > 0 {
            let earlier = trials.loss_at(&(&start + &directions.iterates[chosen - 1]));
            if reached <= earlier {
                break;
            }
            (chosen, reached) = (chosen - 1, earlier);
        }
        let direction = &directions.iterates[chosen];
        let slope = gradient.dot(direction);
        let expected = slope + 0.5 * directions.curvatures[chosen];
        let ratio = (reached - loss) / expected;
        let factor = match ratio {
            ratio if ratio > 0.75 => 2.0 / 3.0,
            ratio if ratio >= 0.25 => 1.0,
            _ => 1.5, // also if the loss is not a number
        };
        self.damping = (self.damping * factor).max(LEAST_DAMPING);
        let mut length = 1.0;
        for _ in 0..LINE_SEARCH {
            if reached <= loss + SUFFICIENT * length * slope && slope < 0.0 {
                let kept = start + direction * length;
                let passes = trials.count;
                trials.keep(&kept);
                self.direction = Some(vector::to_tensor(direction));
                return Ok(Progress { loss, loss_after: Some(reached), passes });
            }
            length *= SHORTER;
            reached = trials.loss_at(&(&start + direction * length));
        }
        self.direction = None;
        Err(TrainError::NoProgress { loss, damping: self.damping })
    }
}

/// The damping is at least this, so that rounding in the curvature of a loss near 0 does not count.
const LEAST_DAMPING: f64 = 1e-12;

/// The greatest number of lengths that the line search tries.
const LINE_SEARCH: usize = 60;

/// The ratio of one length to the next.
const SHORTER: f64 = 0.8;

/// The share of the slope by which the loss must fall.
const SUFFICIENT: f64 = 0.01;

/// Approximate minima of the quadratic model.
struct Directions {
    iterates: Vec<Vector>,
    /// `δᵀ G δ` of each.
    curvatures: Vec<f64>,
    /// The number of products.
    passes: usize,
}

impl<T: Scalar> Default for HessianFree<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar, M: Module<T>> Trainer<T, M> for HessianFree<T> {
    #[track_caller]
    fn step(
        &mut self,
        model: &mut M,
        objective: &ObjectiveFn<'_, T, M>,
    ) -> Result<Progress, TrainError> {
        self.step_with_curvature_of(model, objective, objective)
    }

    fn state(&self) -> Archive<T> {
        let mut state = Archive::new();
        state.set_text(DAMPING, self.damping);
        state.set_rng(RNG, &self.rng);
        if let Some(direction) = &self.direction {
            state.insert(DIRECTION, direction.clone());
        }
        state
    }

    fn restore(&mut self, model: &M, state: &Archive<T>) -> Result<(), WeightsError> {
        let damping =
            state.parse_if(DAMPING, |&damping: &f64| damping > 0.0 && damping.is_finite())?;
        let rng = state.rng(RNG)?;
        let size = [model.parameter_count()].into();
        let direction = match state.has_tensor(DIRECTION) {
            true => Some(state.shaped(DIRECTION, &size)?.clone()),
            false => None,
        };
        state.expect_tensors(|name| name == DIRECTION)?;
        state.expect_texts(|name| name == DAMPING || name == RNG)?;
        (self.damping, self.rng, self.direction) = (damping, rng, direction);
        Ok(())
    }
}

const DAMPING: &str = "damping";
const DIRECTION: &str = "direction";
const RNG: &str = "rng";
