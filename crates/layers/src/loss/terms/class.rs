//! The cross-entropy of a choice among classes, at each position.

use std::rc::Rc;

use bptt_autodiff::{Operation, Pullback, Var};
use bptt_tensor::{Scalar, Shape, ShapeError, Tensor};

use super::positions;
use super::positions::Positions;
use crate::core::pieces;
use crate::core::pieces::PIECE;

/// The scores from which the probabilities of the classes are computed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scores<'t, T> {
    Logits(Var<'t, T>),
    LogProbabilities(Var<'t, T>),
}

impl<'t, T: Scalar> Scores<'t, T> {
    pub(crate) fn shape(self) -> Shape {
        match self {
            Self::Logits(scores) | Self::LogProbabilities(scores) => scores.shape(),
        }
    }

    /// Returns the scores with zeros at dropped positions.
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
pub(crate) struct ClassTerms<'t, T> {
    pub(crate) operation: &'static str,
    pub(crate) scores: Scores<'t, T>,
    pub(crate) targets: Rc<[usize]>,
    pub(crate) smoothing: f64,
    pub(crate) class_weights: Option<Tensor<T>>,
}

impl<'t, T: Scalar> ClassTerms<'t, T> {
    #[track_caller]
    pub(crate) fn losses(&self, positions: &Positions<T>) -> Var<'t, T> {
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

    /// Returns the sum over the positions of the position's weight times that of its target's class.
    #[track_caller]
    pub(crate) fn weight(&self, positions: &Positions<T>) -> f64 {
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

    /// Returns the targets, with class 0 in place of those that the mask drops.
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
