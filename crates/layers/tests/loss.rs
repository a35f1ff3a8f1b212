//! Losses: values and gradients of PyTorch, masks, extremes, and second order.

mod common;

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};

use bptt_autodiff::{Tape, Var};
use bptt_layers::loss::{self, Loss};
use bptt_tensor::{Scalar, Tensor};
use common::golden::{Golden, assert_close};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

/// Compares a loss of golden logits, and its gradient, with PyTorch's.
fn assert_golden(name: &str, take: impl for<'t> FnOnce(Loss<'t, f64>, &[usize]) -> Var<'t, f64>) {
    let golden = Golden::load(name);
    let targets = golden.indices("input.target");
    let tape = Tape::new();
    let logits = tape.variable(golden.tensor("input.logits"));
    let output = take(loss::cross_entropy(logits, &targets), &targets);
    assert_close(name, &output.value(), &golden.tensor("output"));
    let gradients = tape.backward((output * &golden.tensor("cotangent")).sum_all());
    assert_close(name, gradients.wrt(logits), &golden.tensor("grad.logits"));
}

#[test]
fn cross_entropy_is_that_of_pytorch() {
    assert_golden("cross_entropy_mean", |loss, _| loss.mean());
    assert_golden("cross_entropy_sum", |loss, _| loss.sum());
    assert_golden("cross_entropy_none", |loss, _| loss.per_position());
    assert_golden("cross_entropy_extreme_logits", |loss, _| loss.mean());
    assert_golden("cross_entropy_ignore_index", |loss, targets| {
        let kept = Tensor::from_fn([8], |i| if targets[i] == 1 { 0.0 } else { 1.0 });
        loss.masked(&kept).mean()
    });
}

#[test]
fn mean_squared_error_is_that_of_pytorch() {
    let golden = Golden::load("mse_loss_mean");
    let tape = Tape::new();
    let [output, desired] =
        ["input.input", "input.target"].map(|name| tape.variable(golden.tensor(name)));
    let error = loss::mean_squared_error(output, desired).mean();
    assert_close("output", &error.value(), &golden.tensor("output"));
    let gradients = tape.backward(error * &golden.tensor("cotangent"));
    assert_close("input", gradients.wrt(output), &golden.tensor("grad.input"));
    assert_close("target", gradients.wrt(desired), &golden.tensor("grad.target"));
}

/// `E = Σ ½ ‖d − o‖²`
#[test]
fn squared_error_is_half_the_squared_distance() {
    let tape = Tape::new();
    let output = tape.variable(Tensor::from_vec([2, 2], vec![1.0, 2.0, 3.0, 4.0]));
    let desired = Tensor::from_vec([2, 2], vec![0.0, 0.0, 3.0, 2.0]);
    let loss = loss::squared_error(output, &desired);
    assert_eq!(loss.clone().per_position().value().to_vec(), [2.5, 2.0]);
    let sum = loss.sum();
    assert_eq!(sum.item(), 4.5);
    assert_eq!(tape.backward(sum).wrt(output).to_vec(), [1.0, 2.0, 0.0, 2.0]);
}

/// `∂L/∂o = ŷ − 1_y`, with `ŷ` as `softmax` computes it.
#[test]
fn the_gradient_is_exactly_the_error_of_the_prediction() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let values = Tensor::<f32>::normal([3, 2, 5], 0.0, 3.0, &mut rng);
    let targets = [0, 4, 2, 2, 1, 3];
    let tape = Tape::new();
    let logits = tape.variable(values.clone());
    let gradients = tape.backward(loss::cross_entropy(logits, &targets).sum());
    let one_hot = Tensor::one_hot(&targets, 5).reshape([3, 2, 5]);
    assert_eq!(gradients.wrt(logits), &values.softmax(-1).sub(&one_hot));
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
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
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

/// A loss of outputs and something to compare them with, of the same shape.
type Take = for<'t> fn(Var<'t, f64>, Var<'t, f64>) -> Loss<'t, f64>;

const LOSSES: [Take; 3] = [
    |x, _| {
        let classes = x.shape()[x.shape().len() - 1];
        let targets: Vec<_> = (0..x.shape().elements() / classes).map(|i| i % classes).collect();
        loss::cross_entropy(x, &targets)
    },
    |x, y| loss::squared_error(x, y),
    |x, y| loss::mean_squared_error(y, x),
];

/// What stands at dropped positions, and which targets, changes nothing at all.
#[test]
fn masked_positions_change_nothing() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
    let clean = Tensor::<f64>::normal([2, 3, 4], 0.0, 1.0, &mut rng);
    let mask = Tensor::from_vec([2, 3], vec![1.0, 0.5, 2.0, 1.0, 0.0, 0.0]);
    let mut padded = clean.clone();
    let fill = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    padded.as_mut_slice()[16..20].copy_from_slice(&fill);
    padded.as_mut_slice()[20..].fill(f64::NAN);

    for take in LOSSES {
        let evaluate = |values: &Tensor<f64>| {
            let tape = Tape::new();
            let x = tape.variable(values.clone());
            let mean = take(x, tape.constant(values.map(|x| 0.5 * x))).masked(&mask).mean();
            let [first] = tape.grad(mean, [x]);
            let [second] = tape.grad(first.square().sum_all(), [x]);
            [mean, first, second].map(|var| var.value().to_vec())
        };
        let [mean, first, second] = evaluate(&padded);
        assert_eq!(first[16..], [0.0; 8]);
        assert_eq!(second[16..], [0.0; 8]);
        assert_eq!([mean, first, second], evaluate(&clean));
    }
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
fn a_mask_weights_positions() {
    let tape = Tape::new();
    let output = tape.constant(Tensor::from_vec([3, 1], vec![1.0, 2.0, 3.0]));
    let loss = loss::mean_squared_error(output, &Tensor::zeros([3, 1]));
    assert_eq!(loss.clone().mean().item(), 14.0 / 3.0);
    let weighted = loss.masked(&Tensor::from_vec([3], vec![3.0, 0.0, 0.5]));
    assert_eq!(weighted.clone().sum().item(), 7.5);
    assert_eq!(weighted.mean().item(), 7.5 / 3.5);
}

proptest! {
    /// First and second derivatives in a random direction against central differences.
    #[test]
    fn derivatives_are_those_of_the_values(
        which in 0..LOSSES.len(),
        [t, b, f] in [1..4_usize, 0..4, 1..5],
        masked: bool,
        seed: u64,
    ) {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut normal = |shape: &[usize]| Tensor::<f64>::normal(shape, 0.0, 1.0, &mut rng);
        let (at, direction, weights) = (normal(&[t, b, f]), normal(&[t, b, f]), normal(&[t, b]));
        let mask = Tensor::from_fn([t, b], |i| (i % 3) as f64 * 0.75);

        // the square makes the cotangent of each position depend on its loss
        let evaluate = |step: f64| {
            let mut values = at.clone();
            values.axpy(step, &direction);
            let tape = Tape::new();
            let x = tape.variable(values);
            let loss = LOSSES[which](x, (x * 0.5).sin());
            let loss = if masked { loss.masked(&mask) } else { loss };
            let value = (loss.per_position().square() * &weights).sum_all();
            let [slope] = tape.grad(value, [x]);
            let slope = (slope * &direction).sum_all();
            let [curvature] = tape.grad(slope, [x]);
            [value, slope, (curvature * &direction).sum_all()].map(Var::item)
        };
        let h = 1e-3;
        let around = [-2.0, -1.0, 1.0, 2.0].map(|k| evaluate(k * h));
        let exact = evaluate(0.0);
        for order in 0..2 {
            let [a, b, c, d] = around.map(|values| values[order]);
            let difference = (a - 8.0 * b + 8.0 * c - d) / (12.0 * h);
            let error = (difference - exact[order + 1]).abs();
            let scale = exact.iter().fold(1.0, |scale: f64, x| scale.max(x.abs()));
            prop_assert!(error < 1e-6 * scale, "order {}: {difference}, {exact:?}", order + 1);
        }
    }
}

#[test]
fn mistakes_panic_at_the_line_of_the_equation() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        PANICKED_HERE.set(info.location().is_some_and(|place| place.file() == file!()));
        report(info);
    }));

    let tape = Tape::<f64>::new();
    let zeros = |shape: &[usize]| tape.constant(Tensor::zeros(shape));
    let logits = zeros(&[2, 3, 5]);
    assert_refused("cross_entropy of [2, 3, 5]: has 6 positions but 4 targets", || {
        loss::cross_entropy(logits, &[0; 4])
    });
    assert_refused("target 5 at position [1, 2] is not one of 5 classes", || {
        loss::cross_entropy(logits, &[0, 1, 2, 3, 4, 5]).mean()
    });
    assert_refused("target 0 at position [0] is not one of 0 classes", || {
        loss::cross_entropy(zeros(&[1, 0]), &[0]).sum()
    });
    assert_refused("needs a last axis", || loss::cross_entropy(zeros(&[]), &[]));
    assert_refused("squared_error of [2, 3, 5] and [5]", || {
        loss::squared_error(logits, zeros(&[5]))
    });
    assert_refused("mean_squared_error of [2, 3, 5] and [5]", || {
        loss::mean_squared_error(logits, zeros(&[5]))
    });
    assert_refused("masked of [3, 2] and [2, 3]", || {
        loss::cross_entropy(logits, &[0; 6]).masked(&Tensor::ones([3, 2]))
    });
    assert_refused("finite weights of at least 0, not -1", || {
        loss::cross_entropy(logits, &[0; 6]).masked(&Tensor::full([2, 3], -1.0))
    });
    assert_refused("finite weights of at least 0, not NaN", || {
        loss::cross_entropy(logits, &[0; 6]).masked(&Tensor::full([2, 3], f64::NAN))
    });
    assert_refused("needs a position that its mask does not drop", || {
        loss::cross_entropy(logits, &[0; 6]).masked(&Tensor::zeros([2, 3])).mean()
    });
    assert_refused("needs a position", || loss::cross_entropy(zeros(&[0, 5]), &[]).mean());
}

#[test]
fn no_positions_cost_nothing() {
    let tape = Tape::<f64>::new();
    let logits = tape.variable(Tensor::zeros([0, 2, 5]));
    let sum = loss::cross_entropy(logits, &[]).sum();
    assert_eq!(sum.item(), 0.0);
    assert_eq!(tape.backward(sum).wrt(logits).shape(), &[0, 2, 5]);
}

thread_local! {
    static PANICKED_HERE: Cell<bool> = const { Cell::new(false) };
}

#[track_caller]
fn assert_refused<R>(expected: &str, run: impl FnOnce() -> R) {
    let Err(panic) = catch_unwind(AssertUnwindSafe(run)) else {
        panic!("should be refused: {expected}");
    };
    let message = panic.downcast::<String>().map_or_else(
        |panic| (*panic.downcast::<&str>().expect("a message")).to_owned(),
        |message| *message,
    );
    assert!(message.contains(expected), "{message:?} does not say {expected:?}");
    assert!(PANICKED_HERE.get(), "{message:?} is not reported at the caller's line");
}

#[test]
fn infinite_logits_are_not_passed_over() {
    let tape = Tape::new();
    let infinite = Tensor::from_vec([1, 2], vec![f64::INFINITY, 0.0]);
    let loss = |target| loss::cross_entropy(tape.constant(infinite.clone()), &[target]).sum();
    assert!(loss(0).item().is_nan());
    assert_eq!(loss(1).item(), f64::INFINITY);
}

#[test]
fn no_features_make_no_error() {
    let tape = Tape::new();
    let nothing = tape.constant(Tensor::<f64>::zeros([2, 2, 0]));
    assert_eq!(loss::mean_squared_error(nothing, nothing).mean().item(), 0.0);
    assert_eq!(loss::squared_error(nothing, nothing).mean().item(), 0.0);
}
