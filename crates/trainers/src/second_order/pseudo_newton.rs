use bptt_autodiff::{Tape, Var};
use bptt_layers::weights::{Archive, WeightsError};
use bptt_layers::{Module, ParameterPath};
use bptt_tensor::{Scalar, Tensor};

use crate::error::TrainError;
use crate::objective::{Form, ObjectiveFn};
use crate::options::positive;
use crate::trainer::{Progress, Trainer};
use crate::vector;

/// The time-weighted pseudo-Newton method: each time step's use of a weight is scaled by its own curvature.
///
/// ```text
/// w ← w − η Σ_t g_t / (h_t + μ)
/// ```
///
/// `g_t` is the derivative of the loss with respect to the use of the weight `w` at time step `t`, as if each step had a weight of
/// its own, and `h_t` its second derivative. For distant steps both vanish, and the quotient need not, as long as `h_t` is
/// not far below `μ`. Bengio, Simard and Frasconi, *Learning long-term dependencies with gradient
/// descent is difficult* (1994). Without the division by steps it is the pseudo-Newton method of Becker and LeCun (1989).
///
/// The loss is that of [squares](crate::Objective::squares), and `h_t = Σ_r (∂r/∂w_t)²` its Gauss–Newton curvature, which
/// is not negative. Gradients and curvatures are those of all sequences of a step together. The paper forms the quotient for each
/// sequence; for this, give one sequence in a step. `μ` has the unit of `h_t`: for residuals `c` times as large, set a
/// `μ` that is `c²` times as large.
///
/// A step takes a reverse pass for each residual, through a [loop](Tape::untied) that is not compiled. So it is
/// for small models with few residuals, such as an output at the end of each sequence.
///
/// ```
/// use bptt_layers::{Elman, Layer, Linear};
/// use bptt_tensor::Tensor;
/// use bptt_trainers::{Objective, TimeWeightedPseudoNewton, Trainer};
///
/// let mut rng = bptt_layers::rng(0);
/// let mut model = (Elman::<f64>::new(&mut rng, 1, 2), Linear::new(&mut rng, 2, 1));
/// let xs = Tensor::normal([8, 6, 1], 0.0, 1.0, &mut rng); // [T, B, I]
/// let firsts = xs.index_first(0);
/// let mut trainer = TimeWeightedPseudoNewton::new(0.02);
/// let mut losses = Vec::new();
/// for _ in 0..100 {
///     let progress = trainer.step(&mut model, &|model, tape| {
///         let (ys, _) = model.forward(tape.constant(xs.clone()));
///         Objective::squares(ys.index_first(7) - &firsts)
///     })?;
///     losses.push(progress.loss);
/// }
/// assert!(losses[99] < 0.5 * losses[0]);
/// # Ok::<(), bptt_trainers::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TimeWeightedPseudoNewton {
    learning_rate: f64,
    damping: f64,
}

impl TimeWeightedPseudoNewton {
    /// Creates a trainer with the learning rate `η`, and `μ = 0.01`.
    ///
    /// # Panics
    ///
    /// If it is not positive and finite.
    #[track_caller]
    #[must_use]
    pub fn new(learning_rate: f64) -> Self {
        Self { learning_rate: positive("learning rate", learning_rate), damping: 0.01 }
    }

    /// Sets `μ`, which bounds the steps where the curvature is small.
    ///
    /// # Panics
    ///
    /// If it is not positive and finite.
    #[track_caller]
    #[must_use]
    pub fn damping(self, damping: f64) -> Self {
        Self { damping: positive("damping", damping), ..self }
    }

    /// Changes the learning rate between steps.
    ///
    /// # Panics
    ///
    /// If it is not positive and finite.
    #[track_caller]
    pub fn set_learning_rate(&mut self, learning_rate: f64) {
        self.learning_rate = positive("learning rate", learning_rate);
    }
}

/// A change for each parameter; `None` if no equation names it.
type Changes<T> = Vec<Option<Tensor<T>>>;

impl TimeWeightedPseudoNewton {
    /// Returns `Σ_t g_t / (h_t + μ)` of each parameter.
    #[track_caller]
    fn changes<T: Scalar, M: Module<T>>(
        &self,
        model: &M,
        objective: &ObjectiveFn<'_, T, M>,
    ) -> Result<(Progress, Changes<T>), TrainError> {
        let tape = Tape::untied();
        let objective = objective(model, &tape);
        let Form::Squares(residuals) = objective.form else {
            return Err(TrainError::NoResiduals { trainer: "TimeWeightedPseudoNewton" });
        };
        let loss = objective.value();
        if !loss.is_finite() {
            return Err(TrainError::NonFinite { quantity: "the loss" });
        }
        let parameters = model.parameters();
        if parameters.is_empty() {
            return Err(TrainError::NoParameters);
        }
        let uses: Vec<_> =
            parameters.into_iter().map(|(_, parameter)| tape.uses(parameter)).collect();
        let mut derivatives = derivatives(&tape, residuals, &uses.concat()).into_iter();
        let change = |uses: &Vec<_>| {
            let scaled = derivatives.by_ref().take(uses.len()).map(|(g, h)| g / (h + self.damping));
            scaled.reduce(|sum, next| sum + next)
        };
        let changes: Vec<_> = uses.iter().map(change).collect();
        if !changes.iter().flatten().all(Tensor::is_finite) {
            return Err(TrainError::NonFinite { quantity: "the step" });
        }
        let passes = 1 + residuals.shape().elements();
        Ok((Progress { loss, loss_after: None, passes }, changes))
    }
}

/// Returns the gradient `Σ_r r ∂r/∂w` and the curvature `Σ_r (∂r/∂w)²` of each variable `w`.
fn derivatives<'t, T: Scalar>(
    tape: &'t Tape<T>,
    residuals: Var<'t, T>,
    variables: &[Var<'t, T>],
) -> Vec<(Tensor<T>, Tensor<T>)> {
    let zeros = |variable: &Var<'t, T>| Tensor::zeros(variable.shape());
    let mut sums: Vec<_> = variables.iter().map(|it| (zeros(it), zeros(it))).collect();
    let values = residuals.value();
    for (i, &residual) in values.iter().enumerate() {
        let _recorded = tape.aside();
        let unit = tape.constant(vector::unit(values.shape().clone(), i));
        let row = tape.vjp(&[(residuals, unit)], variables);
        for ((gradient, curvature), slope) in sums.iter_mut().zip(row) {
            let slope = slope.value();
            *gradient += &slope * residual.as_f64();
            *curvature += slope.square();
        }
    }
    sums
}

impl<T: Scalar, M: Module<T>> Trainer<T, M> for TimeWeightedPseudoNewton {
    #[track_caller]
    fn step(
        &mut self,
        model: &mut M,
        objective: &ObjectiveFn<'_, T, M>,
    ) -> Result<Progress, TrainError> {
        let (progress, changes) = self.changes(model, objective)?;
        let mut changes = changes.into_iter();
        model.visit_mut(&mut ParameterPath::default(), &mut |_, parameter| {
            if let Some(change) = changes.next().flatten() {
                *parameter.value_mut() -= change * self.learning_rate;
            }
        });
        Ok(progress)
    }

    fn state(&self, _model: &M) -> Archive<T> {
        Archive::new()
    }

    fn restore(&mut self, _model: &M, state: &Archive<T>) -> Result<(), WeightsError> {
        state.expect_tensors(|_| false)?;
        state.expect_texts(|_| false)
    }
}
