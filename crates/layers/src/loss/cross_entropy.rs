//! Cross-entropy: the loss of a choice among classes.

use std::rc::Rc;

use bptt_autodiff::{Operation, Pullback, Var};
use bptt_tensor::shape::OrPanic;
use bptt_tensor::{Scalar, Shape, ShapeError, Tensor};

use super::positions;
use super::positions::Positions;
use super::{Loss, Terms};
use crate::core::pieces;
use crate::core::pieces::PIECE;

/// The negative logarithm of the probability that `logits` `[.., C]` give to the target class at
/// each position: `−log softmax(o)[y]`, in nats.
///
/// The gradient with respect to the logits is exactly `softmax(o) − 1_y` times that of the loss,
/// and everything is finite for logits however large. Targets are in row-major order, one for
/// each position: a batch of sequences `[T, B, C]` has those of its first time step first.
///
/// # Panics
///
/// If the number of targets is not that of the positions. When the loss is taken: if a target is
/// not less than `C` at a position that no mask drops.
#[track_caller]
pub fn cross_entropy<'t, T: Scalar>(logits: Var<'t, T>, targets: &[usize]) -> Loss<'t, T> {
    CrossEntropy::new().of(logits, targets)
}

/// [`cross_entropy`] where the logarithms of the probabilities are given: `−log p[y]` of
/// `log p` `[.., C]`.
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

/// [`cross_entropy`] with options, which mean what they do in PyTorch and go together:
///
/// ```text
/// ℓ = (1 − ε) w_y (−log p_y) + ε/C Σ_c w_c (−log p_c)
/// ```
///
/// `p = softmax(o)`, `y` the target, `w` the weights of the `C` classes, 1 if none are given, and
/// `ε` the label smoothing. The mean over positions divides by `Σ w_y`.
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
    /// Without options.
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

    /// With a weight for each class, for classes that are rare or that matter more.
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

    /// The loss of `logits` `[.., C]`.
    ///
    /// # Panics
    ///
    /// As [`cross_entropy`], or if there are not as many class weights as classes.
    #[track_caller]
    pub fn of<'t, T: Scalar>(&self, logits: Var<'t, T>, targets: &[usize]) -> Loss<'t, T> {
        self.loss("cross_entropy", Scores::Logits(logits), targets)
    }

    /// The loss of the logarithms of probabilities, `[.., C]`.
    ///
    /// # Panics
    ///
    /// As [`of`](Self::of).
    #[track_caller]
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
        Loss { terms: Terms::Class(terms), positions }
    }

    /// The positions of scores `[.., C]`, if they go with the targets and the weights.
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

/// What the probabilities of the classes are computed from.
#[derive(Clone, Copy, Debug)]
enum Scores<'t, T> {
    Logits(Var<'t, T>),
    LogProbabilities(Var<'t, T>),
}

impl<'t, T: Scalar> Scores<'t, T> {
    fn shape(self) -> Shape {
        match self {
            Self::Logits(scores) | Self::LogProbabilities(scores) => scores.shape(),
        }
    }

    /// With zeros at dropped positions.
    #[track_caller]
    fn kept(self, positions: &Positions<T>) -> Self {
        match self {
            Self::Logits(logits) => Self::Logits(positions.kept(logits)),
            Self::LogProbabilities(log_p) => Self::LogProbabilities(positions.kept(log_p)),
        }
    }

    #[track_caller]
    fn log_probabilities(self) -> Var<'t, T> {
        match self {
            Self::Logits(logits) => logits.log_softmax(-1),
            Self::LogProbabilities(log_probabilities) => log_probabilities,
        }
    }

    /// `−log p_y`
    #[track_caller]
    fn negative_log_likelihood(self, targets: &Rc<[usize]>) -> Var<'t, T> {
        match self {
            Self::Logits(logits) => {
                let operation = NegativeLogLikelihood { targets: targets.clone() };
                logits.tape().apply(operation, &[logits])
            }
            Self::LogProbabilities(log_probabilities) => {
                let shape = log_probabilities.shape();
                let [rows @ .., classes] = &shape[..] else { unreachable!("rows of classes") };
                let chosen: Vec<usize> =
                    targets.iter().enumerate().map(|(row, y)| row * classes + y).collect();
                let elements = log_probabilities.reshape([shape.elements()]);
                positions::cost(elements.gather_rows(&chosen).reshape(rows))
            }
        }
    }
}

/// `(1 − ε) w_y (−log p_y) + ε/C Σ_c w_c (−log p_c)`
#[derive(Clone, Debug)]
pub(super) struct ClassTerms<'t, T> {
    operation: &'static str,
    scores: Scores<'t, T>,
    targets: Rc<[usize]>,
    smoothing: f64,
    class_weights: Option<Tensor<T>>,
}

impl<'t, T: Scalar> ClassTerms<'t, T> {
    #[track_caller]
    pub(super) fn losses(&self, positions: &Positions<T>) -> Var<'t, T> {
        let targets = self.valid_targets(positions);
        let scores = self.scores.kept(positions);
        let losses = scores.negative_log_likelihood(&targets);
        if self.smoothing == 0.0 && self.class_weights.is_none() {
            return losses;
        }
        let scaled = |weights: &Tensor<T>, by: f64| weights.map(|weight| weight * T::of(by));
        let (of_targets, of_classes) = match &self.class_weights {
            Some(weights) => {
                (weights.gather_rows(&targets).reshape(positions.shape()), weights.clone())
            }
            None => (Tensor::scalar(T::one()), Tensor::scalar(T::one())),
        };
        let losses = positions::times(losses, &scaled(&of_targets, 1.0 - self.smoothing));
        if self.smoothing == 0.0 {
            return losses;
        }
        let of_classes = scaled(&of_classes, self.smoothing / self.classes() as f64);
        losses - positions::times(scores.log_probabilities(), &of_classes).sum(&[-1])
    }

    /// The sum of the weights of the positions and of their targets' classes.
    #[track_caller]
    pub(super) fn weight(&self, positions: &Positions<T>) -> f64 {
        let Some(class_weights) = &self.class_weights else { return positions.weight() };
        let targets = self.valid_targets(positions);
        let weight = |(position, &target): (usize, &usize)| {
            positions.weight_of(position) * class_weights.as_slice()[target].as_f64()
        };
        targets.iter().enumerate().map(weight).fold(0.0, |sum, weight| sum + weight)
    }

    fn classes(&self) -> usize {
        self.scores.shape().last().copied().unwrap_or(0)
    }

    /// The targets, of which class 0 stands in for those that the mask drops.
    #[track_caller]
    fn valid_targets(&self, positions: &Positions<T>) -> Rc<[usize]> {
        let classes = self.classes();
        let targets: Rc<[usize]> = (self.targets.iter().enumerate())
            .map(|(position, &target)| if positions.keeps(position) { target } else { 0 })
            .collect();
        if let Some(position) = targets.iter().position(|&target| target >= classes) {
            panic!(
                "{}: target {} at position {:?} is not one of {classes} classes, which count from 0",
                self.operation,
                targets[position],
                positions.shape().index_of(position),
            );
        }
        targets
    }
}

/// `ℓ = −log softmax(o)[y]` for each row of logits `o` `[.., C]`.
#[derive(Clone, Debug)]
struct NegativeLogLikelihood {
    targets: Rc<[usize]>,
}

impl<T: Scalar> Operation<T> for NegativeLogLikelihood {
    fn name(&self) -> &'static str {
        "cross_entropy"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        positions::rows("cross_entropy", inputs[0])
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let logits = inputs[0];
        // not logsumexp(o) − o[y], the difference of two large numbers
        let log_probabilities = logits.log_softmax(-1);
        let classes = logits.shape()[logits.rank() - 1];
        Tensor::from_fn(logits.shape().without(logits.rank() - 1), |position| {
            T::zero() - log_probabilities.as_slice()[position * classes + self.targets[position]]
        })
    }

    /// `∂o = g (softmax(o) − 1_y)`
    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (logits, g) = (at.input(0), at.cotangent());
        let gradient = LogitGradient { targets: self.targets.clone() };
        at.add(0, || g.tape().apply(gradient, &[logits, g]));
    }
}

/// `d = g (softmax(o) − 1_y)` for each row of logits `o` `[.., C]` and its weight `g` `[..]`.
#[derive(Clone, Debug)]
struct LogitGradient {
    targets: Rc<[usize]>,
}

impl<T: Scalar> Operation<T> for LogitGradient {
    fn name(&self) -> &'static str {
        "cross_entropy_gradient"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        Ok(inputs[0].into())
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let mut rows = inputs[0].softmax(-1);
        let classes = rows.shape()[rows.rank() - 1];
        let (weights, targets) = (inputs[1].as_slice(), &self.targets[..]);
        let together = (PIECE / classes.max(1)).max(1);
        let piece_rows = rows.as_mut_slice().chunks_mut(together * classes.max(1));
        let given = weights.chunks(together).zip(targets.chunks(together));
        pieces::for_each(piece_rows.zip(given).collect(), |(rows, (weights, targets))| {
            let given = weights.iter().zip(targets);
            for (row, (&g, &target)) in rows.chunks_exact_mut(classes).zip(given) {
                row[target] -= T::one();
                row.iter_mut().for_each(|d| *d *= g);
            }
        });
        rows
    }

    /// With `p = softmax(o)` and the cotangent `c`: `∂o = p ⊙ (g c − Σ g c ⊙ p)` and
    /// `∂g = Σ c ⊙ (p − 1_y)`.
    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (logits, g, c) = (at.input(0), at.input(1), at.cotangent());
        at.add(0, || {
            let probabilities = logits.softmax(-1);
            let weight: Shape = g.shape().iter().copied().chain([1]).collect();
            let c = c * g.reshape(weight);
            probabilities * (c - (c * probabilities).sum_keep(&[-1]))
        });
        at.add(1, || {
            let one = g.tape().constant(Tensor::ones(g.shape()));
            (c * g.tape().apply(self.clone(), &[logits, one])).sum(&[-1])
        });
    }
}
