//! Derivatives of every order along random directions.

use std::ops::Range;

use bptt_autodiff::Tape;
use bptt_tensor::Tensor;

use crate::differences::{Line, Verdict};
use crate::evidence::Evidence;
use crate::subject::Subject;
use crate::values::{Random, V};
use crate::violation::{Mismatch, Violation};

/// Compares a derivative of any order along random directions with differences. The gradient's product with a direction
/// must be the slope along that direction. This product is a function of the same inputs, made of recorded operations.
/// The next order is therefore the same check of this function.
pub(crate) fn slope(
    subject: &dyn Subject,
    order: usize,
    rng: &mut Random,
    evidence: &mut Evidence,
) -> Result<(), Violation> {
    let weights = weights(subject, rng);
    let directions: Vec<_> = (0..order).map(|_| direction(subject, rng)).collect();
    let (last, before) = directions.split_last().expect("an order of at least 1");
    let slopes = Slopes { subject, weights, before };
    match slopes.judge(last) {
        (_, Verdict::Agrees { error }) => {
            evidence.note(error);
            Ok(())
        }
        (_, Verdict::Excluded) => {
            evidence.excluded += 1;
            Ok(())
        }
        (claimed, Verdict::Disagrees { slope }) => {
            let located = if evidence.in_detail { slopes.located(last) } else { None };
            let together = Mismatch {
                of: None,
                output: None,
                found: ("the tape says", claimed),
                expected: ("differences say", slope),
            };
            Err(located.unwrap_or(together).into())
        }
    }
}

/// Third-order slopes below this size are compared as if they were this large. They are sums of larger terms, and have
/// the rounding of these terms.
const OF_THIRD_ORDER: f64 = 1.0;

/// The derivative along some directions, as a function that is differentiated once more.
struct Slopes<'s> {
    subject: &'s dyn Subject,
    weights: Tensor<f64>,
    before: &'s [Vec<Tensor<f64>>],
}

impl Slopes<'_> {
    /// The slope along one more direction, computed by the tape, and the verdict of differences on it.
    fn judge(&self, last: &[Tensor<f64>]) -> (f64, Verdict) {
        let Self { subject, weights, before } = self;
        let directions = [before, &[last.to_vec()][..]].concat();
        let claimed = derivative(&Tape::new(), *subject, subject.at(), weights, &directions);
        let moved = |step: f64, errors: Option<u64>| {
            let at: Vec<_> =
                subject.at().iter().zip(last).map(|(x, v)| along(x, step, v)).collect();
            let tape = errors.map_or_else(Tape::new, Tape::perturbed);
            vec![derivative(&tape, *subject, &at, weights, before)]
        };
        let line = Line::new(&moved);
        let line = if before.len() < 2 { line } else { line.smallest(OF_THIRD_ORDER) };
        (claimed, line.judge(0, claimed))
    }

    /// An element of an input or parameter along which the slope is wrong, found by bisection. Slopes along the parts
    /// of a direction add up, so if the whole is wrong, one of its halves is.
    fn located(&self, direction: &[Tensor<f64>]) -> Option<Mismatch> {
        let is_wrong = |part: &Range<usize>| {
            matches!(self.judge(&within(direction, part)).1, Verdict::Disagrees { .. })
        };
        let mut part = 0..direction.iter().map(Tensor::len).sum();
        while part.len() > 1 {
            let middle = part.start + part.len() / 2;
            part = [part.start..middle, middle..part.end].into_iter().find(is_wrong)?;
        }
        let unit: Vec<_> = direction.iter().map(|v| Tensor::ones(v.shape())).collect();
        let (claimed, Verdict::Disagrees { slope }) = self.judge(&within(&unit, &part)) else {
            return None;
        };
        let mut element = part.start;
        for (place, x) in self.subject.sources().iter().zip(self.subject.at()) {
            if element < x.len() {
                return Some(Mismatch {
                    of: Some(place.entry(x.shape(), element)),
                    output: None,
                    found: ("the tape says", claimed),
                    expected: ("differences say", slope),
                });
            }
            element -= x.len();
        }
        None
    }
}

/// The direction with zeros outside of a part, which is a range of all elements in a row.
fn within(direction: &[Tensor<f64>], part: &Range<usize>) -> Vec<Tensor<f64>> {
    let mut position = 0..;
    let mut kept = |v: &Tensor<f64>| {
        Tensor::from_fn(v.shape(), |i| {
            if position.next().is_some_and(|p| part.contains(&p)) { v.as_slice()[i] } else { 0.0 }
        })
    };
    direction.iter().map(&mut kept).collect()
}

/// `x + step v`
fn along(x: &Tensor<f64>, step: f64, v: &Tensor<f64>) -> Tensor<f64> {
    let mut moved = x.clone();
    moved.axpy(step, v);
    moved
}

/// A random weight for each output.
fn weights(subject: &dyn Subject, rng: &mut Random) -> Tensor<f64> {
    let outputs = subject.record(&Tape::new(), subject.at()).values().len();
    Tensor::uniform([outputs], -1.0, 1.0, rng)
}

pub(crate) fn direction(subject: &dyn Subject, rng: &mut Random) -> Vec<Tensor<f64>> {
    subject.at().iter().map(|x| Tensor::uniform(x.shape(), -1.0, 1.0, rng)).collect()
}

/// The functional `Σ w (y + y²/2)`. Unlike that of `Σ w y`, its cotangent depends on the inputs. The second order
/// therefore passes through the gradient rules of linear operations as well.
pub(crate) fn functional<'t>(y: V<'t>, weights: &Tensor<f64>) -> V<'t> {
    (y * (y * 0.5 + 1.0) * weights).sum_all()
}

/// The repeated derivative along the directions, computed by the tape. Without directions, it is the functional itself.
fn derivative(
    tape: &Tape<f64>,
    subject: &dyn Subject,
    at: &[Tensor<f64>],
    weights: &Tensor<f64>,
    directions: &[Vec<Tensor<f64>>],
) -> f64 {
    let recorded = subject.record(tape, at);
    let mut y = functional(recorded.flat(), weights);
    for direction in directions {
        let one = tape.constant(Tensor::scalar(1.0));
        let slopes = tape.vjp(&[(y, one)], &recorded.sources);
        let terms = slopes.iter().zip(direction).map(|(&slope, v)| (slope * v).sum_all());
        y = terms.fold(tape.scalar(0.0), |sum, term| sum + term);
    }
    y.item()
}
