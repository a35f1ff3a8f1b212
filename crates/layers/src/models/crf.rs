//! Conditional random fields: sequences of classes in which neighbours depend on each other.

use bptt_autodiff::{Param, Var};
use bptt_tensor::{Scalar, Shape, Tensor};

use crate::core::module::Module;
use crate::loss::reduction::{Loss, Terms};
use crate::loss::terms::chain::Chain;
use crate::loss::terms::positions::Positions;

/// A linear-chain conditional random field over the steps of a sequence (Lafferty et al. 2001). The class at a step
/// depends on its neighbours.
///
/// A layer below scores each class at each step, `o: [T, B, C]`, the *emissions*. The field adds a score for
/// each pair of neighbours, and for the classes at either end:
///
/// ```text
/// s(y) = start_{y_1} + Σ_t o_{t, y_t} + Σ_{t>1} A_{y_{t−1}, y_t} + end_{y_T}
/// p(y) = e^{s(y)} / Σ_{y'} e^{s(y')}
/// ```
///
/// `A: [C, C]`, `start`, `end: [C]`; `C² + 2C` parameters. A score of −∞ forbids a class or a transition. Its
/// gradient is 0. Weight decay would turn it into NaN, so put parameters with such a score into a
/// [group](crate::Groups) without weight decay. A [checking](bptt_autodiff::Tape::checking) tape refuses −∞. A large
/// negative number can stand for it there.
///
/// ```
/// use bptt_autodiff::{Param, Tape};
/// use bptt_layers::Crf;
/// use bptt_tensor::Tensor;
///
/// let mut crf = Crf::<f64>::new(2);
/// let tape = Tape::new();
/// let emissions = tape.variable(Tensor::zeros([3, 1, 2])); // [T, B, C]
/// let loss = crf.negative_log_likelihood(emissions, &[3], &[0, 1, 1]).mean(); // of 2³ sequences
/// assert!((loss.item() - 8_f64.ln()).abs() < 1e-14);
///
/// let never = f64::NEG_INFINITY;
/// crf.transitions = Param::new(Tensor::from_vec([2, 2], vec![never, 1.0, 0.0, never])); // they alternate
/// let best = &crf.viterbi(&emissions.value(), &[3])[0];
/// assert_eq!((&best.classes[..], best.score), (&[0, 1, 0][..], 1.0));
/// ```
#[derive(Clone, Debug, Module)]
pub struct Crf<T> {
    /// The scores of the first class, `[C]`.
    pub start: Param<T>,
    /// `A: [C, C]`: row `i` has the scores of the classes after class `i`.
    pub transitions: Param<T>,
    /// The scores of the last class, `[C]`.
    pub end: Param<T>,
}

/// The most probable classes of a sequence.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BestPath {
    /// The class of each step.
    pub classes: Vec<usize>,
    /// Their score `s(y)`; −∞ if everything is forbidden.
    pub score: f64,
}

impl<T: Scalar> Crf<T> {
    /// Creates a field whose scores are all zero, so that the steps do not depend on each other before training.
    #[must_use]
    pub fn new(classes: usize) -> Self {
        Self {
            start: Param::new(Tensor::zeros([classes])),
            transitions: Param::new(Tensor::zeros([classes, classes])),
            end: Param::new(Tensor::zeros([classes])),
        }
    }

    /// Returns the loss `−ln p(y)` of the targets of each sequence, in nats. It has one position for each sequence,
    /// `[B]`.
    ///
    /// Emissions are `[T, B, C]`; `lengths` are the steps of the sequences; targets are in row-major order, `[T, B]`.
    /// Values after the end of a sequence, NaN included, have no influence. The loss of a sequence without steps is 0.
    /// Targets that a score of −∞ forbids have an infinite loss with gradient zero.
    ///
    /// # Panics
    ///
    /// If the emissions do not have three axes, or do not have the field's classes. If there is not a length for each
    /// sequence, or if one is greater than `T`. If there is not a target for each step, or if a target within a
    /// sequence is not a class.
    #[track_caller]
    pub fn negative_log_likelihood<'t>(
        &self,
        emissions: Var<'t, T>,
        lengths: &[usize],
        targets: &[usize],
    ) -> Loss<'t, T> {
        let shape = emissions.shape();
        let [steps, batch, classes] = self.checked("crf", &shape, lengths);
        assert!(
            targets.len() == steps * batch,
            "crf of {shape}: has {steps} steps of {batch} sequences but {} targets; give one for each",
            targets.len(),
        );
        for (i, &target) in targets.iter().enumerate() {
            let (t, b) = (i / batch, i % batch);
            assert!(
                t >= lengths[b] || target < classes,
                "crf of {shape}: target {target} at step {t} of sequence {b} is not one of {classes} \
                 classes, which count from 0"
            );
        }
        let tape = emissions.tape();
        let chain = Chain {
            emissions,
            start: tape.param(&self.start),
            transitions: tape.param(&self.transitions),
            end: tape.param(&self.end),
            lengths: lengths.into(),
            targets: targets.into(),
        };
        Loss::of_terms(Terms::Chain(chain), Positions::new([batch]))
    }

    /// Returns the classes with the greatest score for each sequence, and that score, by Viterbi's algorithm (1967). Of
    /// paths with equal scores, it returns the one with the lower class at the last step where they differ.
    ///
    /// Emissions are `[T, B, C]`; `lengths` are the steps of the sequences.
    ///
    /// # Panics
    ///
    /// If the emissions do not have three axes, or do not have the field's classes. If there is not a length for each
    /// sequence, or if one is greater than `T`. If a score is NaN.
    #[track_caller]
    #[must_use]
    pub fn viterbi(&self, emissions: &Tensor<T>, lengths: &[usize]) -> Vec<BestPath> {
        let [_, batch, classes] = self.checked("viterbi", emissions.shape(), lengths);
        let mut best = Vec::with_capacity(batch);
        for (b, &length) in lengths.iter().enumerate() {
            let row = |t: usize| &emissions.as_slice()[(t * batch + b) * classes..][..classes];
            let path = self.best_path((0..length).map(row));
            assert!(!path.score.is_nan(), "viterbi: a score of sequence {b} is NaN");
            best.push(path);
        }
        best
    }

    /// Returns the best path through rows of emissions `[C]`. Its score is NaN if any score is.
    fn best_path<'a>(&self, mut emissions: impl Iterator<Item = &'a [T]>) -> BestPath {
        let Some(first) = emissions.next() else {
            return BestPath { classes: Vec::new(), score: 0.0 };
        };
        let plus = |scores: &[f64], more: &[T]| -> Vec<f64> {
            scores.iter().zip(more).map(|(score, more)| score + more.as_f64()).collect()
        };
        let start: Vec<f64> = self.start.value().to_vec().iter().map(|s| s.as_f64()).collect();
        let transitions = self.transitions.value().transpose(0, 1); // a row for each class that is entered
        // the score of the best path to each class, and where it came from at each step
        let mut scores = plus(&start, first);
        let mut origins: Vec<Vec<usize>> = Vec::new();
        for emission in emissions {
            let into = transitions.as_slice().chunks(scores.len());
            let entered: Vec<_> = into.map(|into| largest(&plus(&scores, into))).collect();
            origins.push(entered.iter().map(|&(origin, _)| origin).collect());
            let reached: Vec<f64> = entered.iter().map(|&(_, score)| score).collect();
            scores = plus(&reached, emission);
        }
        let (last, score) = largest(&plus(&scores, self.end.value().as_slice()));
        let mut classes = vec![last];
        for origins in origins.iter().rev() {
            classes.push(origins[classes[classes.len() - 1]]);
        }
        classes.reverse();
        BestPath { classes, score }
    }

    /// Returns the extents `[T, B, C]`, checked against the lengths and the field's classes.
    #[track_caller]
    fn checked(&self, name: &str, shape: &Shape, lengths: &[usize]) -> [usize; 3] {
        let &[steps, batch, classes] = &shape[..] else {
            panic!("{name}: emissions are [T, B, C], not {shape}; reshape them");
        };
        let known = self.start.shape()[0];
        assert!(
            classes == known,
            "{name} of {shape}: scores {classes} classes where the field has {known}; check the layer below"
        );
        assert!(
            lengths.len() == batch,
            "{name} of {shape}: has {batch} sequences but {} lengths; give one for each",
            lengths.len(),
        );
        if let Some(length) = lengths.iter().find(|&&length| length > steps) {
            panic!("{name} of {shape}: a length of {length} is more than {steps} steps");
        }
        [steps, batch, classes]
    }
}

/// Returns the index and the value of the first largest score, or of a NaN if there is one.
fn largest(scores: &[f64]) -> (usize, f64) {
    let mut largest = (0, scores[0]);
    for (place, &score) in scores.iter().enumerate() {
        if score > largest.1 || score.is_nan() {
            largest = (place, score);
        }
    }
    largest
}
