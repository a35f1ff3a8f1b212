//! Conditional random fields against all sequences of classes, one by one.

use bptt_autodiff::{Param, Tape};
use bptt_layers::weights::pytorch;
use bptt_layers::{Crf, loss};
use bptt_tensor::{Scalar, Tensor};
use proptest::prelude::*;

/// A field over sequences of different lengths, in which some scores may be −∞.
#[derive(Clone, Debug)]
struct Case {
    /// `[C]`, `[C, C]`, `[C]`.
    field: [Tensor<f64>; 3],
    emissions: Tensor<f64>,
    lengths: Vec<usize>,
    targets: Vec<usize>,
}

impl Case {
    fn field<T: Scalar>(&self) -> Crf<T> {
        let [start, transitions, end] =
            self.field.each_ref().map(|scores| Param::new(cast(scores)));
        let mut field = Crf::new(start.shape()[0]);
        (field.start, field.transitions, field.end) = (start, transitions, end);
        field
    }

    /// Returns `s(y)` of the classes of sequence `b`, and the positions of its scores in the emissions and in the
    /// parameters.
    fn score(&self, b: usize, path: &[usize]) -> (f64, [Vec<usize>; 4]) {
        let &[_, batch, classes] = &self.emissions.shape()[..] else { unreachable!() };
        let emitted = path.iter().enumerate().map(|(t, &y)| (t * batch + b) * classes + y);
        let moved = path.windows(2).map(|pair| pair[0] * classes + pair[1]);
        let ends: [Vec<usize>; 2] =
            [path.first(), path.last()].map(|y| y.copied().into_iter().collect());
        let [first, last] = ends;
        let places = [emitted.collect(), first, moved.collect(), last];
        let [start, transitions, end] = &self.field;
        let tensors = [&self.emissions, start, transitions, end];
        let scores = tensors.into_iter().zip(&places);
        let scores = scores.flat_map(|(x, at)| at.iter().map(|&i| x.as_slice()[i]));
        (scores.sum(), places)
    }

    fn paths(&self, b: usize) -> impl Iterator<Item = Vec<usize>> {
        let (classes, length) = (self.emissions.shape()[2], self.lengths[b] as u32);
        let class = move |number: usize, t: u32| number / classes.pow(t) % classes;
        (0..classes.pow(length)).map(move |n| (0..length).map(|t| class(n, t)).collect())
    }

    fn target(&self, b: usize) -> Vec<usize> {
        let batch = self.lengths.len();
        (0..self.lengths[b]).map(|t| self.targets[t * batch + b]).collect()
    }
}

fn cast<T: Scalar>(x: &Tensor<f64>) -> Tensor<T> {
    Tensor::from_fn(x.shape(), |i| T::of(x.as_slice()[i]))
}

fn case() -> impl Strategy<Value = Case> {
    (0..=4_usize, 1..=3_usize, 1..=3_usize).prop_flat_map(|(steps, batch, classes)| {
        let lengths = prop::collection::vec(0..=steps, batch);
        let targets = prop::collection::vec(0..classes, steps * batch);
        let possible = prop::sample::select(vec![1.0, 0.8, 0.5]);
        (lengths, targets, any::<u64>(), possible).prop_map(
            move |(lengths, targets, seed, possible)| {
                let mut rng = bptt_layers::rng(seed);
                let mut scores = |shape: &[usize]| {
                    let possible = Tensor::bernoulli(shape, possible, &mut rng);
                    possible.ln() + Tensor::normal(shape, 0.0, 2.0, &mut rng)
                };
                let field = [scores(&[classes]), scores(&[classes, classes]), scores(&[classes])];
                let emissions = scores(&[steps, batch, classes]);
                Case { field, emissions, lengths, targets }
            },
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))] // each runs the scan up to second order

    /// `ln Σ e^{s(y')} − s(y)`, and its gradient: the expected number of uses of each score, minus its uses in `y`.
    #[test]
    fn the_loss_is_that_of_all_paths(case in case()) {
        let field = case.field::<f64>();
        let tape = Tape::new();
        let emissions = tape.variable(case.emissions.clone());
        let losses = field.negative_log_likelihood(emissions, &case.lengths, &case.targets);
        let losses = losses.per_position();
        let mut expected = vec![vec![0.0; case.emissions.len()]];
        expected.extend(case.field.iter().map(|scores| vec![0.0; scores.len()]));
        for b in 0..case.lengths.len() {
            let loss = losses.value().to_vec()[b];
            let (score, places) = case.score(b, &case.target(b));
            if score == f64::NEG_INFINITY {
                prop_assert_eq!(loss, f64::INFINITY);
                continue;
            }
            let total: f64 = case.paths(b).map(|path| case.score(b, &path).0.exp()).sum();
            prop_assert!((loss - (total.ln() - score)).abs() < 1e-12, "{loss}");
            let mut count = |places: [Vec<usize>; 4], share: f64| {
                for (expected, places) in expected.iter_mut().zip(places) {
                    places.into_iter().for_each(|i| expected[i] += share);
                }
            };
            count(places, -1.0);
            for path in case.paths(b) {
                let (score, places) = case.score(b, &path);
                count(places, score.exp() / total);
            }
        }
        let parameters = [&field.start, &field.transitions, &field.end].map(|p| tape.param(p));
        let [start, transitions, end] = parameters;
        let gradients = tape.grad(losses.sum_all(), [emissions, start, transitions, end]);
        for (gradient, expected) in gradients.iter().zip(&expected) {
            for (slope, expected) in gradient.value().to_vec().iter().zip(expected) {
                prop_assert!((slope - expected).abs() < 1e-12, "{slope} and {expected}");
            }
        }
        let squares = gradients.map(|gradient| gradient.square().sum_all());
        let second = tape.grad(squares.into_iter().reduce(|a, b| a + b).unwrap(), [emissions]);
        prop_assert!(second[0].value().is_finite());
    }

    /// The best of all paths. In single precision, it may be another path with the same score.
    #[test]
    fn the_best_path_is_the_best_of_all(case in case()) {
        let best = case.field::<f64>().viterbi(&case.emissions, &case.lengths);
        let single = case.field::<f32>().viterbi(&cast(&case.emissions), &case.lengths);
        for (b, (best, single)) in best.iter().zip(&single).enumerate() {
            let scores = case.paths(b).map(|path| case.score(b, &path).0);
            let highest = scores.fold(f64::NEG_INFINITY, f64::max);
            prop_assert!(best.score == highest || (best.score - highest).abs() < 1e-12);
            for (path, tolerance) in [(best, 1e-12), (single, 1e-4)] {
                let score = case.score(b, &path.classes).0;
                prop_assert!(score == highest || (score - highest).abs() < tolerance);
                prop_assert_eq!(path.classes.len(), case.lengths[b]);
            }
        }
    }

    /// Neither values after the end of a sequence nor masked sequences change anything.
    #[test]
    fn padding_changes_nothing(case in case(), dropped in 0..3_usize) {
        let &[_, batch, classes] = &case.emissions.shape()[..] else { unreachable!() };
        let mask = Tensor::from_fn([batch], |b| f64::from(b != dropped));
        let (mut padded, mut targets) = (case.emissions.clone(), case.targets.clone());
        let is_padding = |t: usize, b: usize| t >= case.lengths[b];
        for (i, emission) in padded.as_mut_slice().iter_mut().enumerate() {
            let (t, b) = (i / (batch * classes), i / classes % batch);
            if is_padding(t, b) || b == dropped {
                *emission = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY][(i + t) % 3];
            }
        }
        for (i, target) in targets.iter_mut().enumerate() {
            if is_padding(i / batch, i % batch) {
                *target = 99;
            }
        }
        let field = case.field::<f64>();
        let evaluate = |values: &Tensor<f64>, targets: &[usize]| {
            let tape = Tape::new();
            let emissions = tape.variable(values.clone());
            let loss = field.negative_log_likelihood(emissions, &case.lengths, targets);
            let losses = loss.masked(&mask).per_position();
            let [first] = tape.grad(losses.sum_all(), [emissions]);
            let [second] = tape.grad(first.square().sum_all(), [emissions]);
            [losses, first, second].map(|var| var.value().to_vec())
        };
        let clean = evaluate(&case.emissions, &case.targets);
        for slopes in &clean[1..] {
            for (i, &slope) in slopes.iter().enumerate() {
                let b = i / classes % batch;
                if is_padding(i / (batch * classes), b) || b == dropped {
                    prop_assert_eq!(slope, 0.0);
                }
            }
        }
        prop_assert_eq!(evaluate(&padded, &targets), clean);
    }
}

/// Without scores of its own, the field is a cross-entropy at each step.
#[test]
fn a_field_of_zeros_is_a_cross_entropy() {
    let mut rng = bptt_layers::rng(5);
    let tape = Tape::new();
    let emissions = tape.variable(Tensor::<f64>::normal([4, 2, 3], 0.0, 1.0, &mut rng));
    let targets = [0, 1, 2, 0, 1, 1, 0, 2];
    let field = Crf::new(3).negative_log_likelihood(emissions, &[4, 4], &targets).sum();
    let steps = loss::cross_entropy(emissions, &targets).sum();
    assert!((field.item() - steps.item()).abs() < 1e-14);
    let [of_field, of_steps] =
        [field, steps].map(|loss| tape.backward(loss).wrt(emissions).clone());
    for (a, b) in of_field.as_slice().iter().zip(of_steps.as_slice()) {
        assert!((a - b).abs() < 1e-15);
    }
}

/// The scores are so far apart that their exponentials underflow in single precision.
#[test]
fn improbable_transitions_may_be_needed() {
    let tape = Tape::checking();
    let mut field = Crf::<f32>::new(2);
    field.transitions = Param::new(Tensor::from_vec([2, 2], vec![-1e4, 1e4, 1e4, -1e4]));
    let emissions = tape.variable(Tensor::zeros([3, 1, 2]));
    let loss = field.negative_log_likelihood(emissions, &[3], &[0, 0, 1]).sum();
    assert_eq!(loss.item(), 2e4 + 2_f32.ln()); // 0 1 0 and 1 0 1 are probable
    let [first] = tape.grad(loss, [emissions]);
    assert_eq!(first.value().to_vec(), [-0.5, 0.5, -0.5, 0.5, 0.5, -0.5]);
    let [second] = tape.grad(first.square().sum_all(), [emissions]);
    assert!(second.value().is_finite());
}

/// Of paths with equal scores, the one with the lower class at the last differing step wins.
#[test]
fn ties_are_broken_by_the_lower_class() {
    let mut field = Crf::<f64>::new(3);
    let best = |field: &Crf<f64>| field.viterbi(&Tensor::zeros([3, 1, 3]), &[3])[0].clone();
    assert_eq!(best(&field).classes, [0, 0, 0]);
    field.transitions.value_mut().as_mut_slice()[5] = 1.0; // 1 2 – or – 1 2
    assert_eq!((best(&field).classes, best(&field).score), (vec![1, 2, 0], 1.0));
}

#[test]
fn no_sequences_and_no_steps_cost_nothing() {
    let (tape, field) = (Tape::new(), Crf::<f64>::new(2));
    for shape in [[3, 0, 2], [0, 2, 2]] {
        let emissions = tape.variable(Tensor::zeros(shape));
        let lengths = vec![0; shape[1]];
        let sum = field.negative_log_likelihood(emissions, &lengths, &[]).sum();
        assert_eq!(sum.item(), 0.0);
        assert_eq!(tape.backward(sum).wrt(emissions).shape(), &shape);
        let paths = field.viterbi(&emissions.value(), &lengths);
        assert!(paths.len() == shape[1] && paths.iter().all(|path| path.classes.is_empty()));
    }
}

/// In the package pytorch-crf as here, row `i` of the transitions has the scores of the classes after class `i`.
#[test]
fn its_weights_are_those_of_pytorch_crf() {
    let mut field = Crf::<f64>::new(2);
    field.transitions = Param::new(Tensor::from_vec([2, 2], vec![1.0, 2.0, 3.0, 4.0]));
    field.end = Param::new(Tensor::from_vec([2], vec![5.0, 6.0]));
    let archive = pytorch::archive(&field);
    let names: Vec<&str> = archive.names().collect();
    assert_eq!(names, ["end_transitions", "start_transitions", "transitions"]);
    let mut loaded = Crf::new(2);
    pytorch::load(&mut loaded, &archive).unwrap();
    assert_eq!(loaded.transitions.value().to_vec(), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(loaded.end.value().to_vec(), [5.0, 6.0]);
}
