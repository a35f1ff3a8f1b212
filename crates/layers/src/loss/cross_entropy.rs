//! Cross-entropy: the loss of a choice among classes.

use std::rc::Rc;

use bptt_autodiff::Var;
use bptt_tensor::shape::OrPanic;
use bptt_tensor::{Scalar, Shape, ShapeError, Tensor};

use super::reduction::{Loss, Terms};
use super::terms::class::{ClassTerms, Scores};
use super::terms::positions::Positions;

/// Returns the cross-entropy of the target class at each position, `−log softmax(o)[y]` of `logits` `[.., C]`, in nats.
///
/// The gradient with respect to the logits is exactly `softmax(o) − 1_y` times that of the loss. Value and gradient are
/// finite for logits of any size. Targets are in row-major order, one for each position: those of the first step of
/// `[T, B, C]` come first.
///
/// # Panics
///
/// If the number of targets is not that of the positions. [`Loss::sum`], [`Loss::mean`] and [`Loss::per_position`]
/// panic if a target is not less than `C` at a position that no mask drops.
#[track_caller]
pub fn cross_entropy<'t, T: Scalar>(logits: Var<'t, T>, targets: &[usize]) -> Loss<'t, T> {
    CrossEntropy::new().of(logits, targets)
}

/// Returns the [`cross_entropy`] of log-probabilities: `−log p[y]` of `log p` `[.., C]`.
///
/// # Panics
///
/// As [`cross_entropy`].
#[track_caller]
pub fn negative_log_likelihood<'t, T: Scalar>(
    log_probabilities: Var<'t, T>,
    targets: &[usize],
) -> Loss<'t, T> {
    CrossEntropy::new().of_log_probabilities(log_probabilities, targets)
}

/// [`cross_entropy`] with the options of PyTorch, which can be combined:
///
/// ```text
/// ℓ = (1 − ε) w_y (−log p_y) + ε/C Σ_c w_c (−log p_c)
/// ```
///
/// Here `p = softmax(o)`, `y` is the target and `ε` the label smoothing. The weights `w` of the `C` classes are 1 by
/// default. The mean over positions divides by `Σ w_y`.
///
/// ```
/// # use bptt_autodiff::Tape;
/// # use bptt_layers::loss::CrossEntropy;
/// # use bptt_tensor::Tensor;
/// # let tape = Tape::new();
/// # let logits = tape.variable(Tensor::<f64>::zeros([4, 3]));
/// const PADDING: usize = 0;
/// let loss = CrossEntropy::new()
///     .label_smoothing(0.1)
///     .class_weights(&[1.0, 1.0, 5.0])
///     .ignored_index(PADDING)
///     .of(logits, &[2, 1, 2, PADDING])
///     .mean();
/// assert!(loss.item() > 0.0);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use = "options compute nothing until they are applied to logits"]
pub struct CrossEntropy {
    smoothing: f64,
    class_weights: Option<Rc<[f64]>>,
    ignored: Option<usize>,
}

impl CrossEntropy {
    /// Creates a cross-entropy without options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a share `smoothing` of the probability from the target, and spreads it evenly over all
    /// classes (Szegedy et al. 2016).
    ///
    /// # Panics
    ///
    /// If it is not between 0 and 1.
    #[track_caller]
    pub fn label_smoothing(self, smoothing: f64) -> Self {
        assert!(
            (0.0..=1.0).contains(&smoothing),
            "label_smoothing: a share is between 0 and 1, not {smoothing}"
        );
        Self { smoothing, ..self }
    }

    /// Sets a weight for each class, for classes that are rare or that matter more.
    ///
    /// # Panics
    ///
    /// If a weight is negative or not finite.
    #[track_caller]
    pub fn class_weights(self, weights: &[f64]) -> Self {
        if let Some(weight) = weights.iter().find(|&&w| !(w >= 0.0 && w.is_finite())) {
            panic!("class_weights: weights are finite and at least 0, not {weight}");
        }
        Self { class_weights: Some(weights.into()), ..self }
    }

    /// Drops the positions with this target, as a mask does. It need not be a class.
    pub fn ignored_index(self, index: usize) -> Self {
        Self { ignored: Some(index), ..self }
    }

    /// Returns the loss of `logits` `[.., C]`.
    ///
    /// # Panics
    ///
    /// As [`cross_entropy`], or if there are not as many class weights as classes.
    #[track_caller]
    #[inline(never)]
    pub fn of<'t, T: Scalar>(&self, logits: Var<'t, T>, targets: &[usize]) -> Loss<'t, T> {
        self.loss("cross_entropy", Scores::Logits(logits), targets)
    }

    /// Returns the loss of log-probabilities, `[.., C]`.
    ///
    /// # Panics
    ///
    /// As [`of`](Self::of).
    #[track_caller]
    #[inline(never)]
    pub fn of_log_probabilities<'t, T: Scalar>(
        &self,
        log_probabilities: Var<'t, T>,
        targets: &[usize],
    ) -> Loss<'t, T> {
        let scores = Scores::LogProbabilities(log_probabilities);
        self.loss("negative_log_likelihood", scores, targets)
    }

    #[track_caller]
    fn loss<'t, T: Scalar>(
        &self,
        operation: &'static str,
        scores: Scores<'t, T>,
        targets: &[usize],
    ) -> Loss<'t, T> {
        let mut positions = self.positions(operation, &scores.shape(), targets).or_panic();
        if let Some(ignored) = self.ignored {
            let kept =
                Tensor::from_fn(positions.shape(), |i| T::of(f64::from(targets[i] != ignored)));
            positions = positions.masked(&kept);
        }
        let class_weights = (self.class_weights.as_ref())
            .map(|weights| Tensor::from_fn([weights.len()], |class| T::of(weights[class])));
        let targets = targets.into();
        let terms =
            ClassTerms { operation, scores, targets, smoothing: self.smoothing, class_weights };
        Loss::of_terms(Terms::Class(terms), positions)
    }

    /// Returns the positions of scores `[.., C]`, if the targets and the class weights fit them.
    fn positions<T: Scalar>(
        &self,
        operation: &'static str,
        scores: &Shape,
        targets: &[usize],
    ) -> Result<Positions<T>, ShapeError> {
        let positions = Positions::of_rows(operation, scores)?;
        let (count, classes) = (positions.shape().elements(), scores[scores.len() - 1]);
        let problem = match &self.class_weights {
            _ if targets.len() != count => {
                let targets = targets.len();
                format!("has {count} positions but {targets} targets; give one class for each")
            }
            Some(weights) if weights.len() != classes => {
                let weights = weights.len();
                format!("has {classes} classes but {weights} weights; give one for each")
            }
            _ => return Ok(positions),
        };
        Err(ShapeError::new(operation, &[scores], problem))
    }
}
