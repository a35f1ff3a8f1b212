//! Connectionist temporal classification against all paths, one by one.

use bptt_autodiff::{Tape, Var};
use bptt_layers::loss::{self, Ctc};
use bptt_tensor::{Scalar, Tensor};
use proptest::prelude::*;

/// Returns the targets that a path spells: repetitions are merged, then blanks are removed.
fn spelled(path: &[usize], blank: usize) -> Vec<usize> {
    let mut merged = path.to_vec();
    merged.dedup();
    merged.retain(|&class| class != blank);
    merged
}

/// `p(l)` of one sequence, and its gradient with respect to the logits `[T, C]` of
/// `−ln p(l)`: `softmax(o)_{t,c} − p(l and π_t = c) / p(l)`.
fn by_enumeration(logits: &Tensor<f64>, targets: &[usize], blank: usize) -> (f64, Vec<f64>) {
    let &[steps, classes] = &logits.shape()[..] else { panic!("one sequence") };
    let probabilities = logits.softmax(-1).to_vec();
    let mut total = 0.0;
    let mut through = vec![0.0; steps * classes];
    for number in 0..classes.pow(steps as u32) {
        let path: Vec<usize> =
            (0..steps).map(|t| number / classes.pow(t as u32) % classes).collect();
        if spelled(&path, blank) == targets {
            let cells = || path.iter().enumerate().map(|(t, &class)| t * classes + class);
            let probability: f64 = cells().map(|cell| probabilities[cell]).product();
            total += probability;
            cells().for_each(|cell| through[cell] += probability);
        }
    }
    let gradient = probabilities.iter().zip(&through).map(|(p, q)| p - q / total).collect();
    (total, gradient)
}

/// Returns sequence `b` of `[T, B, C]`, without its padding.
fn sequence(logits: &Tensor<f64>, b: usize, length: usize) -> Tensor<f64> {
    logits.slice(0, 0..length).slice(1, b..b + 1).reshape([length, logits.shape()[2]])
}

#[derive(Clone, Debug)]
struct Case {
    logits: Tensor<f64>,
    lengths: Vec<usize>,
    targets: Vec<Vec<usize>>,
    blank: usize,
}

impl Case {
    fn per_sequence<'t>(&self, logits: Var<'t, f64>) -> Var<'t, f64> {
        loss::ctc(logits, &self.lengths, &self.targets, self.blank).per_position()
    }
}

/// Up to three sequences of up to five steps over up to four classes, with targets that may be empty,
/// repeated, or too many, and with logits of which none, some or many are −∞.
fn case() -> impl Strategy<Value = Case> {
    (1..=5_usize, 1..=3_usize, 2..=4_usize).prop_flat_map(|(steps, batch, classes)| {
        let lengths = prop::collection::vec(0..=steps, batch);
        let target = prop::collection::vec(1..classes, 0..4);
        let targets = prop::collection::vec(target, batch);
        let possible = prop::sample::select(vec![1.0, 0.8, 0.5]);
        (lengths, targets, 0..classes, any::<u64>(), possible).prop_map(
            move |(lengths, targets, blank, seed, possible)| {
                let mut rng = bptt_layers::rng(seed);
                let logits = Tensor::normal([steps, batch, classes], 0.0, 2.0, &mut rng);
                let possible = Tensor::bernoulli([steps, batch, classes], possible, &mut rng);
                let logits = possible.ln() + &logits;
                // the class 0 takes the place of the blank among the targets
                let swap = |target: usize| if target == blank { 0 } else { target };
                let targets =
                    targets.into_iter().map(|l: Vec<_>| l.into_iter().map(swap).collect());
                Case { logits, lengths, targets: targets.collect(), blank }
            },
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))] // each runs the scan up to second order

    #[test]
    fn the_loss_is_that_of_all_paths(case in case()) {
        let tape = Tape::new();
        let logits = tape.variable(case.logits.clone());
        let losses = case.per_sequence(logits);
        let [gradient] = tape.grad(losses.sum_all(), [logits]);
        for (b, (targets, &length)) in case.targets.iter().zip(&case.lengths).enumerate() {
            let alone = sequence(&case.logits, b, length);
            let (probability, expected) = by_enumeration(&alone, targets, case.blank);
            let loss = losses.value().to_vec()[b];
            let slopes = sequence(&gradient.value(), b, length).to_vec();
            if probability == 0.0 {
                prop_assert_eq!(loss, f64::INFINITY);
                prop_assert!(slopes.iter().all(|&slope| slope == 0.0));
                continue;
            }
            prop_assert!((loss + probability.ln()).abs() < 1e-12, "{} and {}", loss, probability);
            for (slope, expected) in slopes.iter().zip(expected) {
                prop_assert!((slope - expected).abs() < 1e-12, "{slope} and {expected}");
            }
        }
    }

    /// Neither values after the end of a sequence nor masked sequences change anything.
    #[test]
    fn padding_changes_nothing(case in case(), dropped in 0..3_usize) {
        let &[steps, batch, classes] = &case.logits.shape()[..] else { unreachable!() };
        let mask = Tensor::from_fn([batch], |b| f64::from(b != dropped));
        let mut padded = case.logits.clone();
        for (i, logit) in padded.as_mut_slice().iter_mut().enumerate() {
            let (t, b) = (i / (batch * classes), i / classes % batch);
            if t >= case.lengths[b] || b == dropped {
                *logit = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY][(i + t) % 3];
            }
        }
        let evaluate = |values: &Tensor<f64>| {
            let tape = Tape::new();
            let logits = tape.variable(values.clone());
            let loss = loss::ctc(logits, &case.lengths, &case.targets, case.blank).masked(&mask);
            let losses = loss.per_position();
            let [first] = tape.grad(losses.sum_all(), [logits]);
            let [second] = tape.grad(first.square().sum_all(), [logits]);
            [losses, first, second].map(|var| var.value().to_vec())
        };
        let [losses, first, second] = evaluate(&padded);
        for (i, (&first, &second)) in first.iter().zip(&second).enumerate() {
            let (t, b) = (i / (batch * classes), i / classes % batch);
            if t >= case.lengths[b] || b == dropped {
                prop_assert_eq!([first, second], [0.0; 2]);
            }
        }
        prop_assert!(dropped >= batch || losses[dropped] == 0.0);
        prop_assert_eq!(first.len(), steps * batch * classes);
        prop_assert_eq!([losses, first, second], evaluate(&case.logits));
    }
}

/// All paths are known in these cases: no targets, as many targets as steps, one step, and no step.
#[test]
fn certain_alignments() {
    let tape = Tape::new();
    let mut rng = bptt_layers::rng(4);
    let logits = tape.constant(Tensor::<f64>::normal([3, 1, 4], 0.0, 1.0, &mut rng));
    let likelihood =
        |steps: usize, targets: &[usize]| loss::ctc(logits, &[steps], &[targets], 3).sum().item();
    let path = |classes: &[usize]| {
        let logits = logits.slice(0, 0..classes.len()).reshape([classes.len(), 4]);
        loss::cross_entropy(logits, classes).sum().item()
    };
    let assert_near = |a: f64, b: f64| assert!((a - b).abs() < 1e-14, "{a} and {b}");
    assert_near(likelihood(3, &[]), path(&[3, 3, 3]));
    assert_near(likelihood(3, &[0, 1, 2]), path(&[0, 1, 2]));
    assert_near(likelihood(3, &[2, 2]), path(&[2, 3, 2]));
    assert_near(likelihood(1, &[1]), path(&[1]));
    assert_near(likelihood(1, &[]), path(&[3]));
    assert_eq!(likelihood(0, &[]), 0.0);
    assert_eq!(likelihood(0, &[1]), f64::INFINITY);
    assert_eq!(likelihood(2, &[1, 1]), f64::INFINITY);

    let no_steps = tape.constant(Tensor::<f64>::zeros([0, 2, 4]));
    let losses = loss::ctc(no_steps, &[0, 0], &[vec![], vec![1]], 3).per_position();
    assert_eq!(losses.value().to_vec(), [0.0, f64::INFINITY]);
}

/// One sequence with too many targets makes the mean infinite; no gradient is lost to it.
#[test]
fn impossible_targets_are_reported_and_can_be_dropped() {
    let tape = Tape::new();
    let logits = tape.variable(Tensor::<f64>::zeros([2, 2, 3]));
    let loss = loss::ctc(logits, &[2, 2], &[vec![1, 1], vec![1]], 0);
    let mean = loss.clone().mean();
    assert_eq!(mean.item(), f64::INFINITY);
    let gradient = tape.backward(mean).wrt(logits).clone();
    assert!(gradient.is_finite());
    assert!(sequence(&gradient, 0, 2).to_vec().iter().all(|&slope| slope == 0.0));
    assert!(sequence(&gradient, 1, 2).to_vec().iter().any(|&slope| slope != 0.0));
    let kept = loss.masked(&Tensor::from_vec([2], vec![0.0, 1.0])).mean();
    assert!((kept.item() - (9.0 / 3.0_f64).ln()).abs() < 1e-14);
}

/// Forbidden classes, by hand: of the paths `1 1 2`, `1 2 2`, `1 2 –`, `1 – 2` and `– 1 2`, those with 2 at the
/// second step remain: 2 of the 9 that are possible.
#[test]
fn forbidden_classes() {
    fn check<T: Scalar>() {
        let tape = Tape::new();
        let no = f64::NEG_INFINITY;
        let values = [0.0, 0.0, 0.0, no, no, 0.0, 0.0, 0.0, 0.0].map(T::of);
        let logits = tape.variable(Tensor::from_vec([3, 1, 3], values.to_vec()));
        let loss = loss::ctc(logits, &[3], &[[1, 2]], 0).sum();
        let near = |value: T, exact: f64| {
            let tolerance = 4.0 * T::epsilon().as_f64();
            assert!((value.as_f64() - exact).abs() < tolerance, "{value} and {exact}");
        };
        near(loss.item(), 4.5_f64.ln());
        let [gradient] = tape.grad(loss, [logits]);
        let sixths = [2.0, -4.0, 2.0, 0.0, 0.0, 0.0, -1.0, 2.0, -1.0];
        for (slope, sixths) in gradient.value().to_vec().into_iter().zip(sixths) {
            near(slope, sixths / 6.0);
        }
        let [second] = tape.grad(gradient.square().sum_all(), [logits]);
        assert!(second.value().is_finite());

        // forbidden: targets at the first two steps; targets at the second; everything
        for impossible in [vec![2, 1, 2], vec![1, 1], vec![0; 0]] {
            let loss = loss::ctc(logits, &[3], &[impossible], 0);
            assert_eq!(loss.clone().sum().item(), T::infinity());
            let [gradient] = tape.grad(loss.sum(), [logits]);
            assert!(gradient.value().to_vec().iter().all(|&slope| slope == T::zero()));
        }
    }
    check::<f32>();
    check::<f64>();
}

/// A forbidden blank leaves only paths of targets. A step with all classes forbidden leaves no path.
#[test]
fn forbidden_blanks_and_steps() {
    let tape = Tape::new();
    let mut values = Tensor::<f64>::zeros([3, 1, 3]);
    values.as_mut_slice().iter_mut().step_by(3).for_each(|blank| *blank = f64::NEG_INFINITY);
    let loss = |values: &Tensor<f64>, targets: &[usize]| {
        loss::ctc(tape.constant(values.clone()), &[3], &[targets], 0).sum().item()
    };
    assert!((loss(&values, &[1, 2]) - 4.0_f64.ln()).abs() < 1e-14); // 1 1 2 and 1 2 2 of 2³
    assert_eq!(loss(&values, &[1, 1]), f64::INFINITY);
    assert_eq!(loss(&values, &[]), f64::INFINITY);
    values.as_mut_slice()[3..6].fill(f64::NEG_INFINITY);
    assert_eq!(loss(&values, &[1, 2]), f64::INFINITY);
}

/// NaN logits are not taken for impossible classes.
#[test]
fn a_nan_is_not_passed_over() {
    let tape = Tape::new();
    let logits = tape.variable(Tensor::full([2, 1, 3], f64::NAN));
    for options in [Ctc::new(0), Ctc::new(0).zero_infinity(true)] {
        let loss = options.of(logits, &[2], &[[1]]).sum();
        assert!(loss.item().is_nan());
        assert!(tape.backward(loss).wrt(logits).to_vec()[0].is_nan());
    }
}

#[test]
fn infinite_losses_may_count_as_zero() {
    let tape = Tape::checking();
    let logits = tape.variable(Tensor::<f64>::zeros([2, 3, 3]));
    let targets = [vec![1, 1], vec![1], vec![1, 2, 1]];
    let loss = Ctc::new(0).zero_infinity(true).of(logits, &[2; 3], &targets);
    let expected = (9.0 / 3.0_f64).ln();
    let losses = loss.clone().per_position().value().to_vec();
    assert_eq!((losses[0], losses[2]), (0.0, 0.0));
    assert!((losses[1] - expected).abs() < 1e-14);
    let mean = loss.mean();
    assert!((mean.item() - expected / 3.0).abs() < 1e-14);
    let gradient = tape.backward(mean).wrt(logits).clone();
    assert!(sequence(&gradient, 0, 2).to_vec().iter().all(|&slope| slope == 0.0));
    assert!(sequence(&gradient, 1, 2).to_vec().iter().any(|&slope| slope != 0.0));
}

/// The smallest number of steps is the length of the shortest path that spells the targets.
#[test]
fn steps_that_targets_need() {
    for targets in [&[][..], &[1], &[1, 2], &[1, 1], &[1, 1, 1], &[2, 2, 1]] {
        let spells = |steps: u32| {
            let path = |n: usize| (0..steps).map(|t| n / 3_usize.pow(t) % 3).collect::<Vec<_>>();
            (0..3_usize.pow(steps)).any(|n| spelled(&path(n), 0) == targets)
        };
        let shortest = (0..).find(|&steps| spells(steps)).unwrap() as usize;
        assert_eq!(Ctc::steps_needed(targets), shortest, "{targets:?}");
    }
}

/// Log-probabilities as far apart as the type goes.
#[test]
fn the_end_of_single_precision() {
    let tape = Tape::new();
    let logits = tape.variable(Tensor::<f32>::from_vec([1, 1, 2], vec![1e38, -1e38]));
    let loss = loss::ctc(logits, &[1], &[[1]], 0).sum();
    assert_eq!(loss.item(), 2e38);
    assert_eq!(tape.backward(loss).wrt(logits).to_vec(), [1.0, -1.0]);
}

#[test]
fn extreme_logits_are_finite() {
    fn check<T: Scalar>() {
        let tape = Tape::new();
        let values = Tensor::from_fn([4, 1, 3], |i| T::of([1e4, -1e4, 0.0][i * 7 % 3]));
        let logits = tape.variable(values);
        let loss = loss::ctc(logits, &[4], &[[1, 1]], 0).sum();
        assert!(loss.item().is_finite());
        let [first] = tape.grad(loss, [logits]);
        let [second] = tape.grad(first.square().sum_all(), [logits]);
        assert!(first.value().is_finite() && second.value().is_finite());
    }
    check::<f32>();
    check::<f64>();
}

#[test]
fn no_sequences_cost_nothing() {
    let tape = Tape::<f64>::new();
    let logits = tape.variable(Tensor::zeros([3, 0, 4]));
    let sum = loss::ctc(logits, &[], &[[0; 0]; 0], 0).sum();
    assert_eq!(sum.item(), 0.0);
    assert_eq!(tape.backward(sum).wrt(logits).shape(), &[3, 0, 4]);
}

/// The loss of possible targets is computed without an infinity.
#[test]
fn a_checking_tape_finds_nothing() {
    let tape = Tape::checking();
    let logits = tape.variable(Tensor::<f32>::zeros([6, 3, 3]));
    let targets: [&[usize]; 3] = [&[1, 1, 2], &[], &[2, 2, 2, 2, 2]];
    let mask = Tensor::from_vec([3], vec![1.0, 1.0, 0.0]); // the last is impossible
    let loss = loss::ctc(logits, &[6, 3, 6], &targets, 0).masked(&mask).sum();
    assert!(tape.backward(loss).wrt(logits).is_finite());
}
