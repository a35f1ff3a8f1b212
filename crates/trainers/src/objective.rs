//! What a trainer minimizes.

use bptt_autodiff::{Tape, Var};
use bptt_tensor::Scalar;

/// A function that computes the objective of a model on a tape. [`Trainer::step`](crate::Trainer::step) calls it as
/// often as it needs, so it must give the same value for the same parameters: the batch is drawn before the step.
pub type ObjectiveFn<'f, T, M> = dyn for<'t> Fn(&M, &'t Tape<T>) -> Objective<'t, T> + 'f;

/// What a trainer minimizes: a loss, and how it arises, as far as it is known.
///
/// | constructor | loss | what it is for |
/// |---|---|---|
/// | [`loss`](Self::loss) | any | trainers by values or gradients |
/// | [`of_outputs`](Self::of_outputs) | a convex function of outputs, such as a cross-entropy of logits | Gauss–Newton products: [`HessianFree`](crate::HessianFree) |
/// | [`squares`](Self::squares) | `½ Σ r²` | all trainers; least squares: [`LevenbergMarquardt`](crate::LevenbergMarquardt), [`ExtendedKalman`](crate::ExtendedKalman) |
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::{Linear, loss};
/// use bptt_tensor::Tensor;
/// use bptt_trainers::Objective;
///
/// let model = Linear::<f64>::new(&mut bptt_layers::rng(0), 3, 2);
/// let tape = Tape::new();
/// let logits = model.forward(tape.constant(Tensor::ones([4, 3])));
/// let objective = Objective::of_outputs(logits, loss::cross_entropy(logits, &[0, 1, 1, 0]).mean());
/// assert!(objective.value() > 0.0);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Objective<'t, T> {
    pub(crate) loss: Var<'t, T>,
    pub(crate) form: Form<'t, T>,
    pub(crate) hidden: Option<Var<'t, T>>,
}

/// How a loss arises.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form<'t, T> {
    Loss,
    OfOutputs(Var<'t, T>),
    Squares(Var<'t, T>),
}

impl<'t, T: Scalar> Objective<'t, T> {
    /// Returns the objective of a loss of one element, of which nothing else is known.
    ///
    /// # Panics
    ///
    /// If the loss does not have exactly one element.
    #[track_caller]
    #[must_use]
    pub fn loss(loss: Var<'t, T>) -> Self {
        Self::new(loss, Form::Loss)
    }

    /// Returns the objective of a loss of one element that is a function of `outputs`, of any shape. Its Gauss–Newton
    /// matrix is `Jᵀ H J`, with the Jacobian `J` of the outputs with respect to the parameters, and the Hessian `H` of
    /// the loss with respect to the outputs (Schraudolph 2002). It is positive semidefinite if the loss is convex in the
    /// outputs. So outputs are best taken where the nonlinearity of the loss begins: logits, not probabilities.
    ///
    /// # Panics
    ///
    /// If the loss does not have exactly one element.
    #[track_caller]
    #[must_use]
    pub fn of_outputs(outputs: Var<'t, T>, loss: Var<'t, T>) -> Self {
        Self::new(loss, Form::OfOutputs(outputs))
    }

    /// Returns the objective `½ Σ r²` of residuals `r` of any shape, such as the outputs minus the targets. Its
    /// Gauss–Newton matrix is `Jᵀ J`. To weight a residual, multiply it by the root of its weight.
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_tensor::Tensor;
    /// # use bptt_trainers::Objective;
    /// let tape = Tape::new();
    /// let residuals = tape.variable(Tensor::from([3.0, -1.0]));
    /// assert_eq!(Objective::squares(residuals).value(), 5.0);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn squares(residuals: Var<'t, T>) -> Self {
        Self::new(residuals.square().sum_all() * 0.5, Form::Squares(residuals))
    }

    /// Names the hidden states `[T, B, H]` of the run, such as the outputs of a recurrent layer. Structural damping
    /// of [`HessianFree`](crate::HessianFree) keeps them from changing much in one step. Other trainers do not use them.
    ///
    /// # Panics
    ///
    /// If the states do not have three axes.
    #[track_caller]
    #[must_use]
    pub fn hidden(self, states: Var<'t, T>) -> Self {
        let shape = states.shape();
        assert!(shape.len() == 3, "hidden states of a run are [T, B, H], not {shape}");
        Self { hidden: Some(states), ..self }
    }

    /// Returns the value of the loss. That of [squares](Self::squares) is summed in double precision.
    #[must_use]
    pub fn value(&self) -> f64 {
        match self.form {
            Form::Squares(residuals) => {
                residuals.value().iter().map(|r| 0.5 * r.as_f64() * r.as_f64()).sum()
            }
            Form::Loss | Form::OfOutputs(_) => self.loss.item().as_f64(),
        }
    }

    #[track_caller]
    fn new(loss: Var<'t, T>, form: Form<'t, T>) -> Self {
        let shape = loss.shape();
        assert!(
            shape.elements() == 1,
            "an objective is one number, not {shape}: reduce the loss with sum_all or mean_all"
        );
        Self { loss, form, hidden: None }
    }
}
