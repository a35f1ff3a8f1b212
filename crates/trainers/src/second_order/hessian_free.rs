use bptt_autodiff::Tape;
use bptt_layers::weights::{Archive, WeightsError};
use bptt_layers::{Module, Xoshiro256PlusPlus, rng};
use bptt_tensor::{Scalar, Tensor};

use super::conjugate_gradients::{NoSolution, Solution, Stop, solve};
use super::damped_curvature::{DampedCurvature, ESTIMATES};
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
/// ρ = (f(θ + δ) − f(θ)) / (gᵀ δ + ½ δᵀ (G + μ λ S) δ)
/// λ ← 3/2 λ if ρ < 1/4,  λ ← 2/3 λ if ρ > 3/4
/// ```
///
/// `G = Jᵀ H J` is the Gauss–Newton matrix of an objective [of outputs](Objective::of_outputs) or of
/// [squares](Objective::squares), and `g` the gradient. Conjugate gradients are preconditioned by a diagonal matrix and
/// end when their relative progress falls off. The loss is computed at some of their approximations, from the last one back,
/// until it no longer falls. Martens, *Deep learning via Hessian-free optimization* (2010); Martens and Sutskever,
/// *Learning recurrent neural networks with Hessian-free optimization* (2011).
///
/// Three things differ from the papers.
///
/// - The preconditioner is `(D + λ I)^{3/4}` with an estimate `D` of the diagonal of `G + μ λ S`, from a few products with
///   random signs (after Chapelle and Erhan 2011). The papers have the squared gradients of all cases.
/// - Structural damping measures the change of the [hidden states](Objective::hidden) `h: [T, B, H]` by squares, whatever
///   their activation: `S = J_hᵀ J_h / B`. The paper has the loss that matches the activation.
/// - If the predicted decrease is lost in the rounding of the loss, steps are too short to be judged, and `λ ← 2/3 λ`.
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
pub struct HessianFree {
    damping: f64,
    structural: f64,
    decay: f64,
    iterations: usize,
    tolerance: f64,
    /// The direction `δ` of the step before.
    direction: Option<Tensor<f64>>,
    rng: Xoshiro256PlusPlus,
}

impl HessianFree {
    /// Creates a trainer with a damping `λ` of 1 at first, no structural damping, `ξ = 0.95`, and at most 250 iterations
    /// of conjugate gradients, which end at a relative progress of 5·10⁻⁴ an iteration.
    #[must_use]
    pub fn new() -> Self {
        Self {
            damping: 1.0,
            structural: 0.0,
            decay: 0.95,
            iterations: 250,
            tolerance: 5e-4,
            direction: None,
            rng: rng(0),
        }
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

    /// Sets the factor `μ` of structural damping, such as 0.1. The objective must then name the
    /// [hidden states](Objective::hidden).
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
        Self { iterations, ..self }
    }

    /// Sets the relative progress of an iteration at which conjugate gradients end. With 0 they end where rounding stops
    /// them.
    ///
    /// # Panics
    ///
    /// If it is negative or not finite.
    #[track_caller]
    #[must_use]
    pub fn tolerance(self, tolerance: f64) -> Self {
        Self { tolerance: non_negative("tolerance", tolerance), ..self }
    }

    /// Returns the damping `λ` of the next step.
    #[must_use]
    pub fn present_damping(&self) -> f64 {
        self.damping
    }

    /// Makes a step as [`Trainer::step`], with the curvature of another objective, such as that of a part of the
    /// batch. It takes less time, since most passes are products with the curvature.
    ///
    /// The other loss estimates the first. So both are means over their sequences: residuals of a part of `n` out of `N`
    /// sequences are multiplied by `√(N / n)`.
    ///
    /// # Errors
    ///
    /// As [`Trainer::step`].
    ///
    /// # Panics
    ///
    /// As the equations do.
    #[track_caller]
    pub fn step_with_curvature_of<T: Scalar, M: Module<T>>(
        &mut self,
        model: &mut M,
        objective: &ObjectiveFn<'_, T, M>,
        curvature: &ObjectiveFn<'_, T, M>,
    ) -> Result<Progress, TrainError> {
        let start = {
            let tape = Tape::new();
            Start::of(model, &tape, &objective(model, &tape))?
        };
        let solution = {
            let tape = Tape::new();
            self.solve(model, &tape, &curvature(model, &tape), &start)?
        };
        self.advance(model, objective, &start, &solution)
    }

    /// Minimizes the quadratic model of an objective.
    fn solve<T: Scalar>(
        &mut self,
        model: &dyn Module<T>,
        tape: &Tape<T>,
        objective: &Objective<'_, T>,
        start: &Start,
    ) -> Result<Solution, TrainError> {
        let curvature =
            DampedCurvature::new(model, tape, objective, self.damping, self.structural)?;
        let preconditioner = curvature.preconditioner(&mut self.rng);
        let product = |v: &Vector| curvature.times(v);
        let first = match &self.direction {
            Some(direction) if direction.len() == start.gradient.len() => {
                vector::of_tensor(direction) * self.decay
            }
            _ => Vector::zeros(start.gradient.len()),
        };
        let stop = Stop {
            iterations: self.iterations,
            tolerance: self.tolerance,
            rounding: 64.0 * T::epsilon().as_f64(), // of a product, which is a sum over a long run
        };
        let solution = solve(product, &-&start.gradient, first, &preconditioner, stop);
        solution.map_err(|reason| match reason {
            NoSolution::NonFinite => TrainError::NonFinite { quantity: "the curvature" },
            NoSolution::NegativeCurvature => TrainError::NotPositiveDefinite {
                matrix: "the Gauss–Newton matrix",
                remedy: "the loss is not convex in the outputs; name as outputs the values of which it is a convex \
                         function, such as logits",
            },
        })
    }

    /// Chooses among the approximations, searches along the choice, and adapts the damping.
    fn advance<T: Scalar, M: Module<T>>(
        &mut self,
        model: &mut M,
        objective: &ObjectiveFn<'_, T, M>,
        start: &Start,
        solution: &Solution,
    ) -> Result<Progress, TrainError> {
        let loss = start.loss;
        let mut trials = Trials::new(model, objective);
        let at = trials.start().clone();
        let mut iterates = solution.iterates.iter().rev();
        let mut chosen = iterates.next().expect("an approximation");
        let mut reached = trials.loss_at(&(&at + &chosen.0));
        for earlier in iterates {
            let its_loss = trials.loss_at(&(&at + &earlier.0));
            if its_loss >= reached {
                break;
            }
            (chosen, reached) = (earlier, its_loss);
        }
        let (direction, value) = chosen;
        let expected = value - 0.5 * self.damping * direction.norm_squared();
        self.adapt::<T>(loss, reached, expected);
        let slope = start.gradient.dot(direction);
        let mut length = 1.0;
        for _ in 0..LINE_SEARCH {
            if slope >= 0.0 {
                break; // of another batch than the curvature
            }
            if reached < loss && reached <= loss + SUFFICIENT * length * slope {
                let passes = start.passes + solution.iterations + ESTIMATES + trials.count;
                self.direction = Some(vector::to_tensor(direction));
                trials.keep(&(at + direction * length));
                return Ok(Progress { loss, loss_after: Some(reached), passes });
            }
            length *= SHORTER;
            reached = trials.loss_at(&(&at + direction * length));
        }
        self.direction = None;
        Err(TrainError::NoProgress {
            loss,
            advice: "the parameters may be a minimum already; else call again, since the next step has another damping, \
                     or give more data to a step",
        })
    }

    /// Adapts the damping after a full step, from the expected change of the loss.
    fn adapt<T: Scalar>(&mut self, loss: f64, reached: f64, expected: f64) {
        let is_lost_in_rounding = expected.abs() <= T::epsilon().as_f64() * loss.abs();
        let ratio = (reached - loss) / expected;
        let factor = match ratio {
            _ if is_lost_in_rounding => SMALLER,
            _ if expected >= 0.0 || !reached.is_finite() => LARGER,
            ratio if ratio > 0.75 => SMALLER,
            ratio if ratio >= 0.25 => 1.0,
            _ => LARGER,
        };
        self.damping = (self.damping * factor).clamp(DAMPINGS[0], DAMPINGS[1]);
    }
}

/// The ratio by which the damping falls, and that by which it grows.
const SMALLER: f64 = 2.0 / 3.0;
const LARGER: f64 = 1.5;

/// The least and the greatest damping. Below the least, rounding in the curvature of a loss near 0 would count.
const DAMPINGS: [f64; 2] = [1e-12, 1e12];

/// The greatest number of lengths that the line search tries.
const LINE_SEARCH: usize = 60;

/// The ratio of one length to the next.
const SHORTER: f64 = 0.8;

/// The share of the slope by which the loss must fall.
const SUFFICIENT: f64 = 0.01;

/// The objective at the parameters before a step.
struct Start {
    loss: f64,
    gradient: Vector,
    passes: usize,
}

impl Start {
    fn of<'t, T: Scalar>(
        model: &dyn Module<T>,
        tape: &'t Tape<T>,
        objective: &Objective<'t, T>,
    ) -> Result<Self, TrainError> {
        let (loss, linearization) =
            (objective.value(), Linearization::new(model, tape, objective.loss));
        if linearization.size() == 0 {
            return Err(TrainError::NoParameters);
        }
        if !loss.is_finite() {
            return Err(TrainError::NonFinite { quantity: "the loss" });
        }
        let gradient = linearization.gradient();
        if !gradient.iter().all(|x| x.is_finite()) {
            return Err(TrainError::NonFinite { quantity: "the gradient" });
        }
        Ok(Self { loss, gradient, passes: 2 })
    }
}

impl Default for HessianFree {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar, M: Module<T>> Trainer<T, M> for HessianFree {
    #[track_caller]
    fn step(
        &mut self,
        model: &mut M,
        objective: &ObjectiveFn<'_, T, M>,
    ) -> Result<Progress, TrainError> {
        self.step_with_curvature_of(model, objective, objective)
    }

    fn state(&self, _model: &M) -> Archive<T> {
        let mut state = Archive::new();
        state.set_text(DAMPING, self.damping);
        state.set_rng(RNG, &self.rng);
        if let Some(direction) = &self.direction {
            state.insert_f64(DIRECTION, direction);
        }
        state
    }

    fn restore(&mut self, model: &M, state: &Archive<T>) -> Result<(), WeightsError> {
        let damping =
            state.parse_if(DAMPING, |&damping: &f64| damping > 0.0 && damping.is_finite())?;
        let rng = state.rng(RNG)?;
        let size = [model.parameter_count()].into();
        let direction = match state.has_tensor(DIRECTION) {
            true => Some(state.shaped_f64(DIRECTION, &size)?),
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
