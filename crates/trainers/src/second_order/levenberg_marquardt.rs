use bptt_layers::Module;
use bptt_layers::weights::{Archive, WeightsError};
use bptt_tensor::Scalar;
use nalgebra::DMatrix;

use super::decoupling::{Decoupling, columns};
use super::squares::Squares;
use crate::error::TrainError;
use crate::evaluation::Trials;
use crate::objective::ObjectiveFn;
use crate::options::positive;
use crate::trainer::{Progress, Trainer};
use crate::vector::Vector;

/// The method of Levenberg and Marquardt for small models: damped Gauss–Newton steps with a dense matrix.
///
/// ```text
/// δ = −(JᵀJ + λ I)⁻¹ Jᵀ r      θ ← θ + δ, λ ← λ / ν  if the loss ½ Σ r² falls,  else λ ← λ ν and again
/// ```
///
/// `r` are the residuals of an objective of [squares](crate::Objective::squares), `[R]`, and `J` is their Jacobian
/// `[R, P]` with respect to all parameters. With a [`decoupling`](Self::decoupling), `JᵀJ` keeps only the blocks within groups, as in
/// the block-diagonal approximation of Chan and Szeto (1999). A step makes a pass through the model for each residual, or two for each
/// parameter if these are fewer, and factorizes a matrix `[P, P]`. So this is for models of up to some thousand
/// parameters.
///
/// Levenberg 1944; Marquardt 1963; Hagan and Menhaj, *Training feedforward networks with the Marquardt algorithm* (1994).
/// The Jacobian of a recurrent network is that of back-propagation through time.
///
/// ```
/// use bptt_layers::{Elman, Layer, Linear};
/// use bptt_tensor::Tensor;
/// use bptt_trainers::{LevenbergMarquardt, Objective, Trainer};
///
/// let mut rng = bptt_layers::rng(0);
/// let mut model = (Elman::<f64>::new(&mut rng, 1, 4), Linear::new(&mut rng, 4, 1));
/// let xs = Tensor::uniform([60, 1, 1], -0.5, 0.5, &mut rng); // [T, B, I]
/// let before = Tensor::concat(&[&Tensor::zeros([1, 1, 1]), &xs.slice(0, 0..59)], 0);
/// let targets = before.square() + &xs;
/// let mut trainer = LevenbergMarquardt::new();
/// let mut loss = f64::INFINITY;
/// for _ in 0..30 {
///     let progress = trainer.step(&mut model, &|model, tape| {
///         Objective::squares(model.forward(tape.constant(xs.clone())).0 - &targets)
///     })?;
///     loss = progress.loss;
/// }
/// assert!(loss < 1e-3, "{loss}");
/// # Ok::<(), bptt_trainers::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct LevenbergMarquardt {
    damping: f64,
    factor: f64,
    decoupling: Decoupling,
}

impl LevenbergMarquardt {
    /// Creates a trainer with a damping `λ` of 1 at first, and a factor `ν` of 10. A step tries up to 40 dampings.
    #[must_use]
    pub fn new() -> Self {
        Self { damping: 1.0, factor: 10.0, decoupling: Decoupling::None }
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

    /// Sets the factor `ν` by which the damping changes.
    ///
    /// # Panics
    ///
    /// If it is not greater than 1 and finite.
    #[track_caller]
    #[must_use]
    pub fn factor(self, factor: f64) -> Self {
        assert!(
            factor > 1.0 && factor.is_finite(),
            "a factor is finite and greater than 1, not {factor}"
        );
        Self { factor, ..self }
    }

    /// Sets the groups of parameters between which the entries of `JᵀJ` are taken as 0. Steps then factorize smaller matrices,
    /// and more steps are needed.
    #[must_use]
    pub fn decoupling(self, decoupling: Decoupling) -> Self {
        Self { decoupling, ..self }
    }

    /// Returns the damping `λ` of the next step.
    #[must_use]
    pub fn present_damping(&self) -> f64 {
        self.damping
    }
}

/// What the residuals say of a group of parameters.
struct Block {
    /// The positions of its elements in the vector of all parameters.
    group: Vec<usize>,
    /// `JᵀJ` of the group.
    matrix: DMatrix<f64>,
    /// `Jᵀ r` of the group.
    gradient: Vector,
}

impl Block {
    fn new(group: Vec<usize>, jacobian: &DMatrix<f64>, residuals: &Vector) -> Self {
        let part = columns(jacobian, &group);
        Self { matrix: part.tr_mul(&*part), gradient: part.tr_mul(residuals), group }
    }

    /// Adds the damped step of the group to the parameters; `None` if the damped matrix is not positive definite.
    fn step(&self, damping: f64, parameters: &mut Vector) -> Option<()> {
        let mut damped = self.matrix.clone();
        (0..damped.nrows()).for_each(|i| damped[(i, i)] += damping);
        let step = damped.cholesky()?.solve(&self.gradient);
        for (&element, change) in self.group.iter().zip(step.iter()) {
            parameters[element] -= change;
        }
        Some(())
    }
}

/// The damping is at least this.
const LEAST_DAMPING: f64 = 1e-20;

/// The greatest number of dampings that a step tries.
const TRIALS: usize = 40;

impl Default for LevenbergMarquardt {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar, M: Module<T>> Trainer<T, M> for LevenbergMarquardt {
    #[track_caller]
    fn step(
        &mut self,
        model: &mut M,
        objective: &ObjectiveFn<'_, T, M>,
    ) -> Result<Progress, TrainError> {
        let Squares { loss, residuals, jacobian, passes } =
            Squares::at("LevenbergMarquardt", model, objective)?;
        let groups = self.decoupling.groups(model).into_iter();
        let blocks: Vec<_> = groups.map(|group| Block::new(group, &jacobian, &residuals)).collect();
        drop(jacobian);
        let mut trials = Trials::new(model, objective);
        let start = trials.start().clone();
        let mut damping = self.damping;
        for _ in 0..TRIALS {
            let mut reached = start.clone();
            if blocks.iter().all(|block| block.step(damping, &mut reached).is_some()) {
                let loss_after = trials.loss_at(&reached);
                if loss_after < loss {
                    let passes = passes + trials.count;
                    trials.keep(&reached);
                    self.damping = (damping / self.factor).max(LEAST_DAMPING);
                    return Ok(Progress { loss, loss_after: Some(loss_after), passes });
                }
            }
            damping *= self.factor;
        }
        Err(TrainError::NoProgress {
            loss,
            advice: "the parameters are a minimum as far as rounding shows; else give other data, or start from other \
                     weights",
        })
    }

    fn state(&self, _model: &M) -> Archive<T> {
        let mut state = Archive::new();
        state.set_text(DAMPING, self.damping);
        state
    }

    fn restore(&mut self, _model: &M, state: &Archive<T>) -> Result<(), WeightsError> {
        let damping =
            state.parse_if(DAMPING, |&damping: &f64| damping > 0.0 && damping.is_finite())?;
        state.expect_tensors(|_| false)?;
        state.expect_texts(|name| name == DAMPING)?;
        self.damping = damping;
        Ok(())
    }
}

const DAMPING: &str = "damping";
