//! Losses, at every position and reduced.

use bptt_gradcheck::{Domain, Law, domains, function, functions};
use bptt_layers::loss::{self, CrossEntropy, Ctc, Loss};
use bptt_tensor::{Shape, Tensor};
use proptest::prelude::*;

use crate::support::V;

/// The class that each position of `[.., C]` should have.
fn targets(x: V<'_>) -> Vec<usize> {
    let shape = x.shape();
    let classes = shape[shape.len() - 1];
    (0..shape.elements() / classes).map(|i| (i * i + i / 2) % classes).collect()
}

/// How a loss is taken.
#[derive(Clone, Copy, Debug)]
enum Reduction {
    PerPosition,
    Sum,
    Mean,
}

impl Reduction {
    fn of<'t>(self, loss: Loss<'t, f64>) -> V<'t> {
        match self {
            Self::PerPosition => loss.per_position(),
            Self::Sum => loss.sum(),
            Self::Mean => loss.mean(),
        }
    }
}

fn reductions() -> impl Strategy<Value = Reduction> {
    prop::sample::select(vec![Reduction::PerPosition, Reduction::Sum, Reduction::Mean])
}

/// Which options of the cross-entropy are taken.
#[derive(Clone, Debug)]
struct Options {
    smoothed: bool,
    weighted: bool,
    ignored: bool,
    masked: bool,
    /// Whether the losses have weights of either sign.
    signed: bool,
    of_log_probabilities: bool,
    reduction: Reduction,
}

impl Options {
    fn of<'t>(&self, x: V<'t>) -> V<'t> {
        let shape = x.shape();
        let (positions, classes) = (shape.without(2), shape[2]);
        let mut options = CrossEntropy::new();
        if self.smoothed {
            options = options.label_smoothing(0.3);
        }
        if self.weighted {
            let weights: Vec<f64> = (0..classes).map(|class| 0.5 + class as f64).collect();
            options = options.class_weights(&weights);
        }
        let mut targets = targets(x);
        if self.ignored {
            options = options.ignored_index(classes);
            targets[1] = classes;
        }
        let mut loss = match self.of_log_probabilities {
            true => options.of_log_probabilities(x, &targets),
            false => options.of(x, &targets),
        };
        if self.masked {
            loss = loss.masked(&Tensor::from_fn(&positions, |i| 0.75 * ((i + 1) % 3) as f64));
        }
        if self.signed {
            loss = loss.weighted(&Tensor::from_fn(positions, |i| i as f64 - 1.5));
        }
        self.reduction.of(loss)
    }
}

#[test]
fn cross_entropy() {
    let options = (any::<[bool; 6]>(), reductions()).prop_map(|(options, reduction)| {
        let [smoothed, weighted, ignored, masked, signed, of_log_probabilities] = options;
        Options { smoothed, weighted, ignored, masked, signed, of_log_probabilities, reduction }
    });
    let shapes = (1..=3_usize, 1..=4_usize);
    let shapes = shapes.prop_map(|(steps, classes)| vec![Shape::from([steps, 2, classes])]);
    functions((options, shapes), |options, x| options.of(x[0]))
        .named("cross_entropy")
        .domain(domains())
        .cases(48)
        .check();
}

/// The gradient of a batch large enough is computed in pieces.
#[test]
fn cross_entropy_of_many_positions() {
    function(|x| loss::cross_entropy(x[0], &targets(x[0])).per_position())
        .inputs([[40, 64, 33]])
        .only(&[Law::Threads, Law::Repeatable])
        .cases(1)
        .check();
}

/// A loss of outputs and what is desired.
type Regression = for<'t> fn(V<'t>, V<'t>) -> Loss<'t, f64>;

/// In outputs and desired values, masked or not.
fn check(name: &str, regression: Regression, domain: impl Strategy<Value = Domain> + 'static) {
    let cases = (any::<bool>(), reductions(), 1..=3_usize, 1..=3_usize).prop_map(
        |(masked, reduction, steps, features)| {
            let shape = Shape::from([steps, 2, features]);
            ((masked, reduction), vec![shape.clone(), shape])
        },
    );
    functions(cases, |&(masked, reduction), x| {
        let loss = regression(x[0], x[1]);
        let mask = Tensor::from_fn(x[0].shape().without(2), |i| 0.75 * ((i + 1) % 3) as f64);
        reduction.of(if masked { loss.masked(&mask) } else { loss })
    })
    .named(name)
    .domain(domain)
    .cases(24)
    .check();
}

#[test]
fn squared_error() {
    check("squared_error", |o, d| loss::squared_error(o, d), domains());
}

#[test]
fn mean_squared_error() {
    check("mean_squared_error", |o, d| loss::mean_squared_error(o, d), domains());
}

/// Within δ and beyond.
#[test]
fn huber() {
    check("huber", |o, d| loss::huber(o, d, 0.7), domains());
}

/// There is a kink where both meet.
#[test]
fn euclidean_distance() {
    check("euclidean_distance", |o, d| loss::euclidean_distance(o, d), Just(Domain::Distinct));
}

#[test]
fn binary_cross_entropy() {
    check("binary_cross_entropy", |o, d| loss::binary_cross_entropy(o, d), domains());
}

/// Sequences with targets that may be empty, repeated, or too many for their lengths.
#[derive(Clone, Debug)]
struct Alignment {
    lengths: Vec<usize>,
    targets: Vec<Vec<usize>>,
    blank: usize,
    masked: bool,
    /// Whether some classes of some steps are forbidden.
    forbidding: bool,
}

impl Alignment {
    /// An infinite loss has a gradient of zero, and is taken for 0 here.
    fn losses<'t>(&self, logits: V<'t>) -> V<'t> {
        let mut scores = logits;
        if self.forbidding {
            let forbidden = Tensor::from_fn(logits.shape(), |i| f64::from(i % 5 == 0));
            scores = logits.tape().constant(forbidden).select(f64::NEG_INFINITY, logits);
        }
        let mut loss =
            Ctc::new(self.blank).zero_infinity(true).of(scores, &self.lengths, &self.targets);
        if self.masked {
            loss = loss.masked(&Tensor::from_fn([self.targets.len()], |b| 0.5 * b as f64));
        }
        loss.per_position()
    }
}

fn alignments() -> impl Strategy<Value = (Alignment, Vec<Shape>)> {
    (1..=4_usize, 1..=2_usize, 2..=3_usize).prop_flat_map(|(steps, batch, classes)| {
        let target = prop::collection::vec(1..classes, 0..=2);
        let targets = prop::collection::vec(target, batch);
        let lengths = bptt_gradcheck::lengths(steps, batch);
        let shapes = vec![Shape::from([steps, batch, classes])];
        (lengths, targets, 0..classes, any::<bool>(), any::<bool>()).prop_map(
            move |(lengths, mut targets, blank, masked, forbidding)| {
                // the class 0 takes the place of the blank among the targets
                for target in targets.iter_mut().flatten().filter(|target| **target == blank) {
                    *target = 0;
                }
                (Alignment { lengths, targets, blank, masked, forbidding }, shapes.clone())
            },
        )
    })
}

#[test]
fn ctc() {
    functions(alignments(), |alignment, x| alignment.losses(x[0]))
        .named("ctc")
        .domain(domains())
        .cases(16)
        .check();
}
