//! Cross-entropy and its options.

use bptt_autodiff::Tape;
use bptt_layers::loss::{self, CrossEntropy, Loss};
use bptt_tensor::{Scalar, Tensor};
use proptest::prelude::*;

/// `∂L/∂o = ŷ − 1_y`, with `ŷ` as `softmax` computes it.
#[test]
fn the_gradient_is_exactly_the_error_of_the_prediction() {
    let mut rng = bptt_layers::rng(1);
    let values = Tensor::<f32>::normal([3, 2, 5], 0.0, 3.0, &mut rng);
    let targets = [0, 4, 2, 2, 1, 3];
    let tape = Tape::new();
    let logits = tape.variable(values.clone());
    let gradients = tape.backward(loss::cross_entropy(logits, &targets).sum());
    let one_hot = Tensor::one_hot(&targets, 5).reshape([3, 2, 5]);
    assert_eq!(gradients.wrt(logits), &(values.softmax(-1) - &one_hot));
}

#[test]
fn extreme_logits_are_finite_and_accurate() {
    fn check<T: Scalar>() {
        let of = |rows: &[f64]| rows.iter().map(|&x| T::of(x)).collect::<Vec<_>>();
        let tape = Tape::new();
        let rows = of(&[1e4, -1e4, 0.0, 1e4, 1e4, -1e4, 1e4, 1e4 - 1.0, -1e4]);
        let logits = tape.variable(Tensor::from_vec([3, 3], rows));
        let losses = loss::cross_entropy(logits, &[1, 0, 1]).per_position();
        let exact = [2e4, 2_f64.ln(), 1.0 + (-1_f64).exp().ln_1p()];
        for (loss, exact) in losses.value().to_vec().into_iter().zip(exact) {
            let tolerance = 4.0 * T::epsilon().as_f64() * exact;
            assert!((loss.as_f64() - exact).abs() <= tolerance, "{loss} and {exact}");
        }
        let gradients = tape.backward(losses.sum_all());
        let gradient = gradients.wrt(logits);
        assert!(gradient.is_finite());
        assert_eq!(gradient.to_vec()[..6], of(&[1.0, -1.0, 0.0, -0.5, 0.5, 0.0]));
    }
    check::<f32>();
    check::<f64>();
}

#[test]
fn a_step_of_time_is_a_row_of_the_sequence() {
    let mut rng = bptt_layers::rng(2);
    let sequence = Tensor::<f64>::normal([4, 3, 6], 0.0, 1.0, &mut rng);
    let targets = [5, 0, 1, 2, 2, 3, 0, 4, 4, 1, 5, 3];
    let tape = Tape::new();
    let whole = loss::cross_entropy(tape.constant(sequence.clone()), &targets).sum();
    let mut sum = 0.0;
    for (t, targets) in targets.chunks(3).enumerate() {
        sum += loss::cross_entropy(tape.constant(sequence.index_first(t)), targets).sum().item();
    }
    assert!((whole.item() - sum).abs() < 1e-12);

    let one = loss::cross_entropy(tape.constant(sequence.index_first(0).index_first(1)), &[0]);
    assert_eq!(one.clone().mean().item(), one.sum().item());
}

#[test]
fn dropped_targets_may_be_anything() {
    let tape = Tape::new();
    let logits = tape.constant(Tensor::<f64>::zeros([3, 2]));
    let mask = Tensor::from_vec([3], vec![1.0, 0.0, 1.0]);
    let loss = loss::cross_entropy(logits, &[0, usize::MAX, 1]).masked(&mask);
    assert_eq!(loss.clone().sum().item(), 2.0 * 2_f64.ln());
    assert_eq!(loss.per_position().value().to_vec(), [2_f64.ln(), 0.0, 2_f64.ln()]);
}

#[test]
fn no_positions_cost_nothing() {
    let tape = Tape::<f64>::new();
    let logits = tape.variable(Tensor::zeros([0, 2, 5]));
    let sum = loss::cross_entropy(logits, &[]).sum();
    assert_eq!(sum.item(), 0.0);
    assert_eq!(tape.backward(sum).wrt(logits).shape(), &[0, 2, 5]);
}

#[test]
fn infinite_logits_are_not_passed_over() {
    let tape = Tape::new();
    let infinite = Tensor::from_vec([1, 2], vec![f64::INFINITY, 0.0]);
    let loss = |target| loss::cross_entropy(tape.constant(infinite.clone()), &[target]).sum();
    assert!(loss(0).item().is_nan());
    assert_eq!(loss(1).item(), f64::INFINITY);
}

/// `(1 − ε) w_y (−log p_y) + ε/C Σ_c w_c (−log p_c)` of a row of logits, and its weight.
fn by_hand(logits: &[f64], target: usize, smoothing: f64, weights: &[f64]) -> [f64; 2] {
    let total: f64 = logits.iter().map(|o| o.exp()).sum();
    let losses: Vec<f64> = logits.iter().map(|o| total.ln() - o).collect();
    let all: f64 = losses.iter().zip(weights).map(|(loss, weight)| loss * weight).sum();
    let share = smoothing / logits.len() as f64;
    [(1.0 - smoothing) * weights[target] * losses[target] + share * all, weights[target]]
}

proptest! {
    /// Label smoothing, class weights, an ignored target and a mask, in all combinations, of logits
    /// and of the logarithms of probabilities.
    #[test]
    fn options_go_together(
        [smooth, weigh, ignore, mask]: [bool; 4],
        (rows, classes) in (1..6_usize, 1..5_usize),
        seed: u64,
    ) {
        let mut rng = bptt_layers::rng(seed);
        let values = Tensor::<f64>::normal([rows, classes], 0.0, 1.0, &mut rng);
        let smoothing = if smooth { 0.3 } else { 0.0 };
        let weights: Vec<f64> =
            (0..classes).map(|c| if weigh { 0.5 + c as f64 } else { 1.0 }).collect();
        let ignored = classes + 3;
        let targets: Vec<usize> = (0..rows)
            .map(|i| if ignore && i % 3 == 1 { ignored } else { i % classes })
            .collect();
        let masked = Tensor::from_fn([rows], |i| if mask { 0.5 * (i + 1) as f64 } else { 1.0 });

        let mut options = CrossEntropy::new();
        if smooth {
            options = options.label_smoothing(smoothing);
        }
        if weigh {
            options = options.class_weights(&weights);
        }
        if ignore {
            options = options.ignored_index(ignored);
        }
        let tape = Tape::new();
        let logits = tape.constant(values.clone());
        let losses = [
            options.of(logits, &targets),
            options.of_log_probabilities(logits.log_softmax(-1), &targets),
        ];

        let (mut each, mut sum, mut weight) = (Vec::new(), 0.0, 0.0);
        for (i, (&target, row)) in
            targets.iter().zip(values.as_slice().chunks(classes)).enumerate()
        {
            let kept = if target == ignored { 0.0 } else { masked.as_slice()[i] };
            let [loss, class_weight] = by_hand(row, target % classes, smoothing, &weights);
            each.push(kept * loss);
            sum += kept * loss;
            weight += kept * class_weight;
        }
        for loss in losses {
            let loss = if mask { loss.masked(&masked) } else { loss };
            for (actual, expected) in loss.clone().per_position().value().to_vec().iter().zip(&each) {
                prop_assert!((actual - expected).abs() < 1e-12 * weight.max(1.0));
            }
            prop_assert!((loss.clone().sum().item() - sum).abs() < 1e-12 * sum.max(1.0));
            prop_assert!((loss.mean().item() - sum / weight).abs() < 1e-12 * sum.max(1.0));
        }
    }
}

/// With label smoothing and class weights, the gradient also has a closed form: `softmax(o) Σ q − q` with
/// `q = (1 − ε) w_y 1_y + ε/C w`.
#[test]
fn extreme_logits_stay_finite_with_options() {
    let tape = Tape::new();
    let rows = vec![1e4, -1e4, 0.0, 1e4, 1e4, -1e4];
    let logits = tape.variable(Tensor::<f64>::from_vec([2, 3], rows));
    let options = CrossEntropy::new().label_smoothing(0.3).class_weights(&[1.0, 2.0, 4.0]);
    let losses = options.of(logits, &[1, 0]).per_position();
    // −log p is 0, 2e4 and 1e4; ln 2, ln 2 and 2e4 + ln 2
    let exact = [
        0.7 * 2.0 * 2e4 + 0.1 * (2.0 * 2e4 + 4.0 * 1e4),
        0.7 * 2_f64.ln() + 0.1 * (7.0 * 2_f64.ln() + 4.0 * 2e4),
    ];
    for (loss, exact) in losses.value().to_vec().into_iter().zip(exact) {
        assert!((loss - exact).abs() < 1e-15 * exact, "{loss} and {exact}");
    }
    let [gradient] = tape.grad(losses.sum_all(), [logits]);
    let (p, q) = ([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]], [[0.1, 1.6, 0.4], [0.8, 0.2, 0.4]]);
    for (row, (p, q)) in gradient.value().as_slice().chunks(3).zip(p.into_iter().zip(q)) {
        for c in 0..3 {
            let exact = p[c] * q.iter().sum::<f64>() - q[c];
            assert!((row[c] - exact).abs() < 1e-15, "{row:?}");
        }
    }
    let [second] = tape.grad((gradient * gradient).sum_all(), [logits]);
    assert!(second.value().is_finite());
}

#[test]
fn several_masks_multiply() {
    let tape = Tape::new();
    let logits = tape.constant(Tensor::<f64>::zeros([3, 2]));
    let loss = CrossEntropy::new().ignored_index(1).of(logits, &[0, 1, 0]);
    let loss = loss.masked(&Tensor::from_vec([3], vec![2.0, 1.0, 1.0]));
    let loss = loss.masked(&Tensor::from_vec([3], vec![1.0, 1.0, 0.5]));
    assert_eq!(loss.per_position().value().to_vec(), [2.0, 0.0, 0.5].map(|w| w * 2_f64.ln()));
}

/// A weight of 0 may multiply an infinity: at the class of a target, at a class that smoothing spreads to, and at the
/// target if smoothing spreads everything.
#[test]
fn no_weight_costs_nothing() {
    let tape = Tape::new();
    let no = f64::NEG_INFINITY;
    let taken = |options: CrossEntropy, row: [f64; 2], target: usize| {
        let scores = tape.variable(Tensor::from_vec([1, 2], row.to_vec()));
        let loss = |loss: Loss<'_, f64>| {
            let loss = loss.sum();
            (loss.item(), tape.backward(loss).wrt(scores).to_vec())
        };
        let (of_logits, slopes) = loss(options.of(scores, &[target]));
        let (of_probabilities, _) =
            loss(options.of_log_probabilities(scores.log_softmax(-1), &[target]));
        assert_eq!(of_logits, of_probabilities);
        (of_logits, slopes)
    };
    let options = CrossEntropy::new;
    let weighted = || options().class_weights(&[0.0, 1.0]);
    let nothing = (0.0, vec![0.0, 0.0]);
    assert_eq!(taken(weighted().label_smoothing(0.1), [no, 0.0], 1), nothing);
    assert_eq!(taken(weighted().label_smoothing(0.1), [no, 0.0], 0), nothing);
    assert_eq!(taken(weighted(), [no, 0.0], 0), nothing);
    assert_eq!(taken(weighted(), [no, 0.0], 1), nothing);
    assert_eq!(taken(weighted().label_smoothing(1.0), [no, 0.0], 0), nothing);
    // where a class counts, an infinite loss has the gradient of its formula, Σ q softmax(o) − q
    assert_eq!(taken(options(), [no, 0.0], 0), (f64::INFINITY, vec![-1.0, 1.0]));
    let smoothed = taken(options().label_smoothing(0.5), [no, 0.0], 1);
    assert_eq!(smoothed, (f64::INFINITY, vec![-0.25, 0.25]));
    let spread = taken(options().label_smoothing(1.0), [no, 0.0], 0);
    assert_eq!(spread, (f64::INFINITY, vec![-0.5, 0.5]));
}

/// Rows that are ignored or masked may hold any values, with any options.
#[test]
fn ignored_rows_may_hold_anything() {
    let options =
        CrossEntropy::new().class_weights(&[0.0, 2.0]).label_smoothing(0.2).ignored_index(7);
    let evaluate = |fill: [f64; 4]| {
        let tape = Tape::new();
        let rows = [&[0.5, -0.5][..], &fill, &[f64::NEG_INFINITY, 1.0]].concat();
        let logits = tape.variable(Tensor::from_vec([4, 2], rows));
        let mask = Tensor::from_vec([4], vec![1.0, 1.0, 0.0, 1.0]);
        let mean = options.of(logits, &[1, 7, 1, 1]).masked(&mask).mean();
        let [first] = tape.grad(mean, [logits]);
        let [second] = tape.grad(first.square().sum_all(), [logits]);
        [mean, first, second].map(|var| var.value().to_vec())
    };
    let clean = evaluate([0.0; 4]);
    assert!(clean.iter().flatten().all(|value| value.is_finite()));
    let (nan, no) = (f64::NAN, f64::NEG_INFINITY);
    for fill in [[nan; 4], [no; 4], [f64::INFINITY; 4], [no, nan, f64::INFINITY, no]] {
        assert_eq!(evaluate(fill), clean);
    }
}
