//! Losses of outputs against targets.

use bptt_autodiff::{Tape, Var};
use bptt_layers::loss;
use bptt_tensor::{Scalar, Tensor};

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

#[test]
fn no_features_make_no_error() {
    let tape = Tape::new();
    let nothing = tape.constant(Tensor::<f64>::zeros([2, 2, 0]));
    assert_eq!(loss::mean_squared_error(nothing, nothing).mean().item(), 0.0);
    assert_eq!(loss::squared_error(nothing, nothing).mean().item(), 0.0);
}

/// The loss is checked below δ, at δ and above it. The gradient is the difference, limited to δ.
#[test]
fn huber_is_quadratic_then_linear() {
    let tape = Tape::new();
    let output = tape.variable(Tensor::from_vec([1, 6], vec![0.5, -1.0, 2.0, -2.0, 5.0, -1e4]));
    let huber = loss::huber(output, &Tensor::zeros([1, 6]), 2.0).sum();
    assert_eq!(huber.item(), (0.125 + 0.5 + 2.0 + 2.0 + 8.0 + 2.0 * 9999.0) / 6.0);
    let sixth = |slope: f64| slope / 6.0;
    let [slope] = tape.grad(huber, [output]);
    assert_eq!(slope.value().to_vec(), [0.5, -1.0, 2.0, -2.0, 2.0, -2.0].map(sixth));
    let [curvature] = tape.grad(slope.sum_all(), [output]);
    let curvature = curvature.value().to_vec();
    assert_eq!(
        [curvature[0], curvature[1], curvature[4], curvature[5]],
        [1.0, 1.0, 0.0, 0.0].map(sixth)
    );
}

/// The distance is `‖d − o‖`. At zero distance, its gradient is 0, to second order.
#[test]
fn the_distance_has_a_gradient_of_zero_at_zero() {
    let tape = Tape::new();
    let output = tape.variable(Tensor::from_vec([2, 2], vec![3.0, 5.0, 7.0, 8.0]));
    let desired = tape.variable(Tensor::from_vec([2, 2], vec![0.0, 1.0, 7.0, 8.0]));
    let distance = loss::euclidean_distance(output, desired);
    assert_eq!(distance.clone().per_position().value().to_vec(), [5.0, 0.0]);
    let near = |actual: Var<'_, f64>, expected: [f64; 4]| {
        for (actual, expected) in actual.value().to_vec().into_iter().zip(expected) {
            assert!((actual - expected).abs() < 1e-15, "{actual} and {expected}");
        }
    };
    let [slope, opposite] = tape.grad(distance.sum(), [output, desired]);
    near(slope, [0.6, 0.8, 0.0, 0.0]);
    near(opposite, [-0.6, -0.8, 0.0, 0.0]);
    let [curvature] = tape.grad(slope.sum_all(), [output]);
    // (1 − u uᵀ) / ‖·‖, summed over a column
    near(curvature, [(1.0 - 0.36 - 0.48) / 5.0, (1.0 - 0.64 - 0.48) / 5.0, 0.0, 0.0]);
}

#[test]
fn extreme_logits_of_yes_or_no_are_finite_and_accurate() {
    fn check<T: Scalar>() {
        let of = |rows: &[f64]| rows.iter().map(|&x| T::of(x)).collect::<Vec<_>>();
        let tape = Tape::new();
        let logits =
            tape.variable(Tensor::from_vec([6, 1], of(&[1e4, 1e4, -1e4, -1e4, 30.0, 0.0])));
        let targets = Tensor::from_vec([6, 1], of(&[1.0, 0.0, 1.0, 0.0, 1.0, 0.5]));
        let losses = loss::binary_cross_entropy(logits, &targets).per_position();
        let exact = [0.0, 1e4, 1e4, 0.0, (-30_f64).exp().ln_1p(), 2_f64.ln()];
        for (loss, exact) in losses.value().to_vec().into_iter().zip(exact) {
            let tolerance = 4.0 * T::epsilon().as_f64() * exact;
            assert!((loss.as_f64() - exact).abs() <= tolerance, "{loss} and {exact}");
        }
        let [gradient] = tape.grad(losses.sum_all(), [logits]);
        let values = gradient.value().to_vec();
        assert_eq!(values[..4], of(&[0.0, 1.0, -1.0, 0.0]));
        assert_eq!(values[5], T::zero());
        let [second] = tape.grad(gradient.sum_all(), [logits]);
        assert!(second.value().is_finite());
    }
    check::<f32>();
    check::<f64>();
}

/// The distance of a NaN is NaN, so that a diverged model does not look perfect.
#[test]
fn the_distance_of_nan_is_nan() {
    let tape = Tape::new();
    for (output, desired) in [(f64::NAN, 0.0), (1.0, f64::NAN), (f64::INFINITY, f64::INFINITY)] {
        let output = tape.constant(Tensor::from_vec([1, 2], vec![output, 0.0]));
        let desired = tape.constant(Tensor::from_vec([1, 2], vec![desired, 0.0]));
        assert!(loss::euclidean_distance(output, desired).sum().item().is_nan());
    }
}

/// A distance whose square overflows or underflows, and its gradient, the direction.
#[test]
fn the_distance_at_the_ends_of_single_precision() {
    let tape = Tape::checking();
    let distance = |row: &[f32]| {
        let output = tape.variable(Tensor::from_vec([1, row.len()], row.to_vec()));
        let loss = loss::euclidean_distance(output, &Tensor::zeros([1, row.len()])).sum();
        (loss.item(), tape.backward(loss).wrt(output).to_vec())
    };
    assert_eq!(distance(&[3e19, 4e19]), (5e19, vec![0.6, 0.8]));
    assert_eq!(distance(&[1e-23]), (1e-23, vec![1.0]));
    assert_eq!(distance(&[-3e38, 0.0]), (3e38, vec![-1.0, 0.0]));
    assert_eq!(distance(&[0.0, 0.0]), (0.0, vec![0.0, 0.0]));
}

/// Linear far beyond where a square would overflow, and quadratic wherever δ is more than the type holds.
#[test]
fn huber_at_the_ends_of_single_precision() {
    let tape = Tape::checking();
    let huber = |error: f32, delta: f64| {
        let output = tape.variable(Tensor::from_vec([1, 1], vec![error]));
        let loss = loss::huber(output, &Tensor::zeros([1, 1]), delta).sum();
        let [slope] = tape.grad(loss, [output]);
        let [curvature] = tape.grad(slope, [output]);
        [loss.item(), slope.item(), curvature.item()]
    };
    assert_eq!(huber(1e20, 1.0), [1e20, 1.0, 0.0]);
    assert_eq!(huber(-3e38, 1.0), [3e38, -1.0, 0.0]);
    assert_eq!(huber(2e20, 1e18), [1e18 * (2e20 - 5e17), 1e18, 0.0]);
    assert_eq!(huber(1e19, 1e19), [5e37, 1e19, 1.0]);
    assert_eq!(huber(-1e19, 1e60), [5e37, -1e19, 1.0]);
    // an infinite error has the same gradient as any large one
    let tape = Tape::<f32>::new();
    let output = tape.variable(Tensor::from_vec([1, 2], vec![f32::INFINITY, f32::NEG_INFINITY]));
    let loss = loss::huber(output, &Tensor::zeros([1, 2]), 1.0).sum();
    assert_eq!(loss.item(), f32::INFINITY);
    assert_eq!(tape.backward(loss).wrt(output).to_vec(), [0.5, -0.5]);
}

/// A certain prediction has a loss of 0 if it is right, and an infinite loss if it is wrong.
#[test]
fn certain_answers() {
    fn check<T: Scalar>() {
        let tape = Tape::new();
        let yes = T::infinity();
        let answer = |logit: T, target: f64| {
            let logits = tape.variable(Tensor::from_vec([1, 1], vec![logit]));
            let targets = Tensor::from_vec([1, 1], vec![T::of(target)]);
            let loss = loss::binary_cross_entropy(logits, &targets).sum();
            let [slope] = tape.grad(loss, [logits]);
            let [curvature] = tape.grad(slope, [logits]);
            [loss, slope, curvature].map(|var| var.item().as_f64())
        };
        assert_eq!(answer(yes, 1.0), [0.0, 0.0, 0.0]);
        assert_eq!(answer(-yes, 0.0), [0.0, 0.0, 0.0]);
        assert_eq!(answer(yes, 0.0), [f64::INFINITY, 1.0, 0.0]);
        assert_eq!(answer(-yes, 1.0), [f64::INFINITY, -1.0, 0.0]);
        assert_eq!(answer(yes, 0.5), [f64::INFINITY, 0.5, 0.0]);
        assert!(answer(T::nan(), 1.0)[0].is_nan());
        // neither side of σ(o) − y loses digits
        let [loss, slope, _] = answer(T::of(60.0), 1.0);
        let exact = (-60_f64).exp();
        assert!((loss - exact).abs() < 4.0 * T::epsilon().as_f64() * exact, "{loss}");
        assert!((slope + exact).abs() < 4.0 * T::epsilon().as_f64() * exact, "{slope}");
    }
    check::<f32>();
    check::<f64>();
}
