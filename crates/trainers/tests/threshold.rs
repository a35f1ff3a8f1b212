//! Threshold units and discrete errors.

use bptt_autodiff::{Tape, Var};
use bptt_tensor::Tensor;
use bptt_trainers::threshold;

fn row<const N: usize>(values: [f64; N]) -> Tensor<f64> {
    Tensor::from_slice([1, N], &values)
}

#[test]
fn outputs_are_signs() {
    let tape = Tape::new();
    let a = tape.constant(row([-2.0, -1e-300, -0.0, 0.0, 1e-300, f64::INFINITY, f64::NAN]));
    let y = threshold(a, tape.constant(Tensor::zeros([1, 7]))).value();
    assert_eq!(y.as_slice()[..6], [-1.0, -1.0, 1.0, 1.0, 1.0, 1.0]);
    assert!(y.as_slice()[6].is_nan());
}

/// Over 1000 evenly spaced numbers `u`, the mean error is the cotangent limited to ±2 if `g y > 0`, and else 0.
#[test]
fn errors_are_discrete_and_right_on_average() {
    let noise = Tensor::<f64>::from_fn([1000, 1], |k| (k as f64 + 0.5) / 1000.0);
    for a in [-0.3, 0.3] {
        for cotangent in [-5.0, -2.0, -0.75, 0.0, 0.02, 1.5, 2.0, 3.0] {
            let tape = Tape::new();
            let net_input = tape.variable(Tensor::full([1000, 1], a));
            let y = threshold(net_input, tape.constant(noise.clone()));
            let errors = tape.backward((y * cotangent).sum_all()).wrt(net_input).clone();
            let sign = a.signum();
            assert!(errors.iter().all(|&error| error == 0.0 || error == 2.0 * sign));
            let expected = sign * (cotangent * sign).clamp(0.0, 2.0);
            let mean = errors.iter().sum::<f64>() / 1000.0;
            assert!((mean - expected).abs() < 1e-12, "{a} {cotangent}: {mean}, not {expected}");
        }
    }
}

/// The last of 200 states has the wrong sign. With a weight of 1.5 its error reaches the first, whatever the noise. Through
/// `tanh` units, where slope times weight is below 1, it vanishes.
#[test]
fn an_error_reaches_back_200_steps() {
    let error_at_start = |noise: Option<f64>| {
        let tape = Tape::new();
        let start = tape.variable(row([1.0]));
        let noises = tape.constant(Tensor::full([200, 1, 1], noise.unwrap_or(0.0)));
        let scanned = tape.scan(noises, start).run(|u, h| {
            let net_input: Var<'_, f64> = h * 1.5;
            ((), if noise.is_some() { threshold(net_input, u) } else { net_input.tanh() })
        });
        let loss = (scanned.state + 1.0).square().sum_all() * 0.5; // the target is −1
        tape.backward(loss).wrt(start).item()
    };
    for noise in [0.0, 0.5, 1.0 - f64::EPSILON] {
        assert_eq!(error_at_start(Some(noise)), 1.5 * 2.0);
    }
    assert!(error_at_start(None).abs() < 1e-30);
}

/// A unit has no error if it drives the next one against its sign, or two units in opposite directions.
#[test]
fn errors_that_oppose_or_cancel_end() {
    let error = |weights: &[f64], targets: &[f64]| {
        let tape = Tape::new();
        let shape = [1, weights.len()];
        let start = tape.variable(row([1.0]));
        let unit = threshold(start, tape.constant(row([0.5])));
        let net_inputs = unit.matmul(&Tensor::from_slice(shape, weights)) + 3.0; // all outputs are 1
        let outputs = threshold(net_inputs, tape.constant(Tensor::full(shape, 0.5)));
        let loss = (outputs - &Tensor::from_slice(shape, targets)).square().sum_all() * 0.5;
        tape.backward(loss).wrt(start).item()
    };
    assert_eq!(error(&[1.0], &[-1.0]), 2.0);
    assert_eq!(error(&[-1.0], &[-1.0]), 0.0); // the other sign would raise the net input
    assert_eq!(error(&[1.0, -1.0], &[-1.0, -1.0]), 0.0);
    assert_eq!(error(&[1.0], &[1.0]), 0.0);
}

/// The derivative of the rule is 0, and a cotangent that is not finite shows.
#[test]
fn errors_are_of_first_order_and_show_what_is_not_finite() {
    let tape = Tape::new();
    let a = tape.variable(row([0.5]));
    let y = threshold(a, tape.constant(row([0.0])));
    let [error] = tape.grad(y * y, [a]);
    assert_eq!(error.item(), 2.0);
    let [second] = tape.grad(error, [a]);
    assert_eq!(second.item(), 0.0);
    for cotangent in [f64::NAN, f64::INFINITY] {
        assert!(tape.backward((y * cotangent).sum_all()).wrt(a).item().is_nan());
    }
}

/// The compiled recurrence and the loop over its steps agree, to the bit.
#[test]
fn a_scan_is_its_loop() {
    let mut rng = bptt_layers::rng(0);
    let [xs, noise] = [-1.0, 0.0].map(|low| Tensor::<f32>::uniform([9, 5, 3], low, 1.0, &mut rng));
    let w = Tensor::<f32>::normal([3, 3], 0.0, 1.0, &mut rng);
    let gradients = |is_scan: bool| {
        let tape = Tape::new();
        let [xs, w] = [&xs, &w].map(|values| tape.variable(values.clone()));
        let noise = tape.constant(noise.clone());
        let start = tape.constant(Tensor::zeros([5, 3]));
        let last = match is_scan {
            true => {
                let scan = tape.scan((xs, noise), start);
                scan.run(|(x, noise), h| ((), threshold(x + h.matmul(w), noise))).state
            }
            false => (0..9).fold(start, |h, t| {
                threshold(xs.index_first(t) + h.matmul(w), noise.index_first(t))
            }),
        };
        let gradients = tape.backward((last - 1.0).square().sum_all() * 0.5);
        [gradients.wrt(xs).to_vec(), gradients.wrt(w).to_vec()]
    };
    let tape = Tape::new();
    let entries = [&xs, &noise].map(|values| tape.constant(values.clone()));
    let scan = tape.scan((entries[0], entries[1]), tape.constant(Tensor::zeros([5, 3])));
    let plan = scan.plan(|(x, noise), h| ((), threshold(x + h, noise)));
    assert!(plan.contains("= threshold "), "{plan}");
    let [scan, steps] = [true, false].map(gradients);
    assert!(scan[1].iter().any(|error| *error != 0.0));
    assert_eq!(scan, steps);
}

#[test]
#[should_panic(expected = "draw it in the shape of the net input")]
fn a_unit_without_noise_is_an_error() {
    let tape = Tape::<f64>::new();
    let [a, noise] = [[2, 3], [2, 1]].map(|shape| tape.constant(Tensor::zeros(shape)));
    let _ = threshold(a, noise);
}
