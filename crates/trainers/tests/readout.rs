//! Readouts of reservoirs.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bptt_autodiff::{Param, Tape};
use bptt_layers::{Activation, EchoState, Layer, Linear};
use bptt_tensor::Tensor;
use bptt_trainers::{RidgeRegression, TrainError};

fn normal(shape: [usize; 2], seed: u64) -> Tensor<f64> {
    Tensor::normal(shape, 0.5, 1.0, &mut bptt_layers::rng(seed))
}

/// `Σ ‖x W + b − y‖² + λ ‖W‖²`, whose gradient vanishes at its minimum.
fn gradient(readout: &Linear<f64>, x: &Tensor<f64>, y: &Tensor<f64>, ridge: f64) -> Vec<f64> {
    let tape = Tape::new();
    let errors = readout.forward(tape.constant(x.clone())) - y;
    let penalty = tape.param(&readout.w).square().sum_all() * ridge;
    let gradients = tape.backward(errors.square().sum_all() + penalty);
    let parameters = [Some(&readout.w), readout.b.as_ref()];
    parameters.into_iter().flatten().flat_map(|parameter| gradients[parameter].to_vec()).collect()
}

#[test]
fn the_penalized_error_is_minimal() {
    let (x, y) = (normal([20, 4], 0), normal([20, 3], 1));
    for has_bias in [true, false] {
        for ridge in [0.0, 0.7] {
            let readout = Linear::<f64>::new(&mut bptt_layers::rng(2), 4, 3);
            let mut readout = if has_bias { readout } else { readout.bias(false) };
            RidgeRegression::new(ridge).observe(&x, &y).fit(&mut readout).unwrap();
            let slopes = gradient(&readout, &x, &y, ridge);
            assert!(slopes.iter().all(|slope| slope.abs() < 1e-11), "{slopes:?}");
        }
    }
}

/// Parts of any size, also none, are the whole.
#[test]
fn parts_are_the_whole() {
    let (x, y) = (normal([20, 4], 0), normal([20, 3], 1));
    let fit = |cuts: &[usize]| {
        let mut regression = RidgeRegression::new(0.1);
        for cut in cuts.windows(2) {
            let range = cut[0]..cut[1];
            regression = regression.observe(&x.slice(0, range.clone()), &y.slice(0, range));
        }
        let mut readout = Linear::<f64>::new(&mut bptt_layers::rng(2), 4, 3);
        regression.fit(&mut readout).unwrap();
        [readout.w.value().to_vec(), readout.b.unwrap().value().to_vec()].concat()
    };
    let whole = fit(&[0, 20]);
    for parts in [fit(&[0, 1, 20]), fit(&[0, 0, 7, 7, 13, 20])] {
        let distance = parts.iter().zip(&whole).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(distance < 1e-13, "{distance:e}");
    }
}

/// Numbers far from 0 lose no digits: the sums are of deviations.
#[test]
fn a_large_mean_costs_no_digits() {
    let (x, y) = (normal([50, 2], 0), normal([50, 1], 1));
    let weights = |x: &Tensor<f64>| {
        let mut readout = Linear::<f64>::new(&mut bptt_layers::rng(2), 2, 1);
        let regression = RidgeRegression::new(0.0);
        let halves = [0..25, 25..50].map(|half| (x.slice(0, half.clone()), y.slice(0, half)));
        let [(x1, y1), (x2, y2)] = halves;
        regression.observe(&x1, &y1).observe(&x2, &y2).fit(&mut readout).unwrap();
        readout.w.value().to_vec()
    };
    let shifted = weights(&(&x + 1e6));
    for (a, b) in weights(&x).iter().zip(shifted) {
        assert!((a - b).abs() < 1e-8, "{a} {b}"); // the shift itself rounds off ten digits
    }
}

/// The memory capacity of `N` units is at most `N` for independent inputs (Jaeger, *Short term memory in echo state
/// networks*, 2001). A linear reservoir in general position reaches it, and a chain of units recalls the inputs of the last `N` steps exactly, and no earlier ones.
#[test]
fn memory_capacity_is_that_of_theory() {
    const UNITS: usize = 8;
    const STEPS: usize = 6000;
    let mut rng = bptt_layers::rng(3);
    let xs: Tensor<f64> = Tensor::uniform([STEPS, 1, 1], -1.0, 1.0, &mut rng);
    let linear = |mut reservoir: EchoState<f64>| {
        reservoir.activation = Activation::Identity;
        reservoir
    };
    let mut chain = linear(EchoState::new(&mut rng, 1, UNITS));
    chain.w_ih = Param::new(Tensor::from_fn([1, UNITS], |i| f64::from(u8::from(i == 0))));
    chain.w_hh = Param::new(Tensor::from_fn([UNITS, UNITS], |i| {
        f64::from(u8::from(i % UNITS == i / UNITS + 1))
    }));
    let random = linear(EchoState::new(&mut rng, 1, UNITS).spectral_radius(0.9));
    for (reservoir, is_chain) in [(chain, true), (random, false)] {
        let states = reservoir.forward(Tape::inference().constant(xs.clone())).0.value();
        let washed = states.slice(0, 100..STEPS);
        let lags = 3 * UNITS;
        let delayed =
            Tensor::from_fn([STEPS - 100, 1, lags], |i| xs.as_slice()[100 + i / lags - i % lags]);
        let mut readout = Linear::new(&mut rng, UNITS, lags);
        RidgeRegression::new(1e-9).observe(&washed, &delayed).fit(&mut readout).unwrap();
        let recalled = readout.forward(Tape::inference().constant(washed)).value();
        let power = |x: &Tensor<f64>| x.square().mean(&[0, 1]);
        let by_lag: Vec<f64> = {
            let errors = power(&(&recalled - &delayed));
            errors.iter().zip(&power(&delayed)).map(|(error, power)| 1.0 - error / power).collect()
        };
        let capacity: f64 = by_lag.iter().sum();
        // by chance each of the other lags adds `UNITS / STEPS`
        assert!((capacity - UNITS as f64).abs() < 0.1, "{capacity}: {by_lag:?}");
        if is_chain {
            assert!(by_lag[..UNITS].iter().all(|r| *r > 1.0 - 1e-9), "{by_lag:?}");
            assert!(by_lag[UNITS..].iter().all(|r| r.abs() < 0.01), "{by_lag:?}");
        }
    }
}

#[test]
fn what_has_no_solution_is_an_error() {
    let mut readout = Linear::<f64>::new(&mut bptt_layers::rng(2), 2, 1);
    let before = readout.w.value().clone();
    let none = RidgeRegression::new(0.1).fit(&mut readout);
    assert_eq!(none, Err(TrainError::NoObservations));
    let equal = Tensor::ones([5, 2]);
    let singular = RidgeRegression::new(0.0).observe(&equal, &normal([5, 1], 0)).fit(&mut readout);
    assert!(matches!(singular, Err(TrainError::NotPositiveDefinite { .. })), "{singular:?}");
    let near = normal([50, 1], 3);
    let near = Tensor::concat(&[&near, &(&near + normal([50, 1], 4) * 1e-9)], 1);
    let near = RidgeRegression::new(0.0).observe(&near, &normal([50, 1], 0)).fit(&mut readout);
    assert!(matches!(near, Err(TrainError::NotPositiveDefinite { .. })), "{near:?}");
    let nan = Tensor::from([[f64::NAN, 1.0]]);
    let nan = RidgeRegression::new(0.1).observe(&nan, &normal([1, 1], 0)).fit(&mut readout);
    assert_eq!(nan, Err(TrainError::NonFinite { quantity: "an observation" }));
    assert_eq!(readout.w.value(), &before);
}

#[test]
#[should_panic(expected = "agree in all axes but the last, not [5, 2] and [4, 1]")]
fn targets_of_other_rows_are_refused() {
    let _ = RidgeRegression::new(0.1).observe(&normal([5, 2], 0), &normal([4, 1], 0));
}

#[test]
#[should_panic(
    expected = "earlier observations have [2, 1] features and targets, and these [3, 1]"
)]
fn other_features_are_refused() {
    let first = RidgeRegression::new(0.1).observe(&normal([5, 2], 0), &normal([5, 1], 0));
    let _ = first.observe(&normal([5, 3], 0), &normal([5, 1], 0));
}
