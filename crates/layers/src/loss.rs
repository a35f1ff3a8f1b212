//! Losses over time: cross-entropy and squared error, with masks for padded steps.
//!
//! A loss has one value for each *position*, which is everything but the last axis: `[T, B]` for
//! the outputs `[T, B, F]` of a batch of sequences, `[B]` for one time step. It is taken as the sum
//! or the mean over positions, or as it is:
//!
//! ```
//! use bptt_autodiff::Tape;
//! use bptt_layers::loss;
//! use bptt_tensor::Tensor;
//!
//! let tape = Tape::new();
//! let logits = tape.variable(Tensor::<f64>::zeros([2, 3, 5])); // [T, B, C]
//! let targets = [0, 1, 2, 3, 4, 0];
//! let lengths = Tensor::from_vec([2, 3], vec![1.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
//!
//! let loss = loss::cross_entropy(logits, &targets).masked(&lengths).mean();
//! assert!((loss.item() - 5_f64.ln()).abs() < 1e-15);
//! ```

use std::rc::Rc;

use bptt_autodiff::{Operand, Operation, Pullback, Var};
use bptt_tensor::shape::{self, OrPanic};
use bptt_tensor::{Scalar, Shape, ShapeError, Tensor};

use crate::pieces::{self, PIECE};

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
    let positions = positions("cross_entropy", &logits.shape()).or_panic();
    if positions.elements() != targets.len() {
        let problem = format!(
            "has {} positions but {} targets; give one class for each",
            positions.elements(),
            targets.len(),
        );
        panic!("{}", ShapeError::new("cross_entropy", &[&logits.shape()], problem));
    }
    Loss { terms: Terms::CrossEntropy { logits, targets: targets.into() }, positions, mask: None }
}

/// Half the squared distance `½ ‖d − o‖²` of the outputs `o` `[.., F]` from what is desired.
///
/// # Panics
///
/// If the shapes differ, or have no axis.
#[track_caller]
pub fn squared_error<'t, T: Scalar>(
    output: Var<'t, T>,
    desired: impl Operand<'t, T>,
) -> Loss<'t, T> {
    squared("squared_error", output, desired.on(output.tape()), 0.5)
}

/// The squared difference `(d − o)²` of the outputs `o` `[.., F]` from what is desired, averaged
/// over the features. Its mean over positions is that over all elements.
///
/// # Panics
///
/// If the shapes differ, or have no axis.
#[track_caller]
pub fn mean_squared_error<'t, T: Scalar>(
    output: Var<'t, T>,
    desired: impl Operand<'t, T>,
) -> Loss<'t, T> {
    let features = output.shape().last().map_or(1, |&features| features.max(1));
    squared("mean_squared_error", output, desired.on(output.tape()), 1.0 / features as f64)
}

#[track_caller]
fn squared<'t, T: Scalar>(
    operation: &'static str,
    output: Var<'t, T>,
    desired: Var<'t, T>,
    scale: f64,
) -> Loss<'t, T> {
    shape::same(operation, &output.shape(), &desired.shape()).or_panic();
    let positions = positions(operation, &output.shape()).or_panic();
    Loss { terms: Terms::Squared { output, desired, scale }, positions, mask: None }
}

/// The shape of what has one value for each position.
fn positions(operation: &'static str, shape: &Shape) -> Result<Shape, ShapeError> {
    let problem = "needs a last axis, of classes or features";
    match shape.len().checked_sub(1) {
        Some(last) => Ok(shape.without(last)),
        None => Err(ShapeError::new(operation, &[shape], problem)),
    }
}

/// A loss at every position, of which the [`sum`](Self::sum) or [`mean`](Self::mean) can be taken.
#[derive(Clone, Debug)]
#[must_use = "a loss is taken by `sum`, `mean` or `per_position`"]
pub struct Loss<'t, T: Scalar> {
    terms: Terms<'t, T>,
    positions: Shape,
    mask: Option<Tensor<T>>,
}

#[derive(Clone, Debug)]
enum Terms<'t, T: Scalar> {
    CrossEntropy { logits: Var<'t, T>, targets: Rc<[usize]> },
    Squared { output: Var<'t, T>, desired: Var<'t, T>, scale: f64 },
}

impl<'t, T: Scalar> Loss<'t, T> {
    /// With a weight for each position, of the positions' shape: 0 drops a position, such as a
    /// padded step. Whatever this loss's operands hold at a dropped position, NaN included, reaches
    /// neither the loss nor their gradient. (A layer below multiplies that zero gradient with its own
    /// inputs, so what it reads at a padded step must be finite.)
    ///
    /// # Panics
    ///
    /// If the mask does not have the shape of the positions, or a weight is negative or not finite.
    #[track_caller]
    pub fn masked(self, mask: &Tensor<T>) -> Self {
        shape::same("masked", mask.shape(), &self.positions).or_panic();
        let invalid = mask.as_slice().iter().find(|&&w| !(w >= T::zero() && w.is_finite()));
        if let Some(weight) = invalid {
            panic!("a mask has finite weights of at least 0, not {weight}");
        }
        Self { mask: Some(mask.clone()), ..self }
    }

    /// The sum over positions, weighted by the mask if there is one.
    #[track_caller]
    #[must_use]
    pub fn sum(self) -> Var<'t, T> {
        self.per_position().sum_all()
    }

    /// The mean over positions: their sum divided by their number, or by the sum of the mask.
    ///
    /// # Panics
    ///
    /// If there is no position, or the mask drops all.
    #[track_caller]
    #[must_use]
    pub fn mean(self) -> Var<'t, T> {
        let weight = match &self.mask {
            None => self.positions.elements() as f64,
            Some(mask) => mask.as_slice().iter().map(|weight| weight.as_f64()).sum(),
        };
        assert!(weight > 0.0, "a mean loss needs a position that its mask does not drop");
        self.sum() / weight
    }

    /// The loss at each position, multiplied by the mask if there is one.
    #[track_caller]
    #[must_use]
    pub fn per_position(self) -> Var<'t, T> {
        let losses = match &self.terms {
            Terms::CrossEntropy { logits, targets } => {
                let targets = self.valid_targets(logits.shape()[self.positions.len()], targets);
                let logits = self.kept(*logits);
                logits.tape().apply(NegativeLogLikelihood { targets }, &[logits])
            }
            Terms::Squared { output, desired, scale } => {
                (self.kept(*output) - self.kept(*desired)).square().sum(&[-1]) * *scale
            }
        };
        match &self.mask {
            None => losses,
            Some(mask) => losses * mask,
        }
    }

    /// Zeros where the mask drops a position: multiplied by 0 afterwards, a NaN would stay one.
    #[track_caller]
    fn kept(&self, values: Var<'t, T>) -> Var<'t, T> {
        match &self.mask {
            None => values,
            Some(mask) => {
                let shape: Shape = self.positions.iter().copied().chain([1]).collect();
                values.tape().constant(mask.reshape(shape)).select(values, 0.0)
            }
        }
    }

    /// The targets, of which class 0 stands in for those that the mask drops.
    #[track_caller]
    fn valid_targets(&self, classes: usize, targets: &[usize]) -> Rc<[usize]> {
        let kept = |position| self.mask.as_ref().is_none_or(|m| m.as_slice()[position] > T::zero());
        let targets: Rc<[usize]> = (targets.iter().enumerate())
            .map(|(position, &target)| if kept(position) { target } else { 0 })
            .collect();
        if let Some(position) = targets.iter().position(|&target| target >= classes) {
            panic!(
                "cross_entropy: target {} at position {:?} is not one of {classes} classes, which \
                 count from 0",
                targets[position],
                self.positions.index_of(position),
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
        positions("cross_entropy", &inputs[0].into())
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let logits = inputs[0];
        // not logsumexp(o) − o[y], the difference of two large numbers
        let log_probabilities = logits.log_softmax(-1);
        let classes = logits.shape()[logits.rank() - 1];
        Tensor::from_fn(logits.shape().without(logits.rank() - 1), |position| {
            -log_probabilities.as_slice()[position * classes + self.targets[position]]
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
