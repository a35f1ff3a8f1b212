//! Waves, time series, sensors and handwriting.

use std::collections::BTreeMap;

use bptt_tasks::{Handwriting, Sensors, TimeSeries, Waves};
use bptt_tensor::Tensor;

use crate::{assert_near, rng};

#[test]
fn forms_of_waves() {
    let values = |waves: Waves| [0.0, 1.0, 2.0, 3.0, 4.5].map(|time| waves.value(time));
    assert_eq!(values(Waves::saw(4.0)), [-1.0, -0.5, 0.0, 0.5, -0.75]);
    assert_eq!(values(Waves::square(4.0)), [1.0, 1.0, -1.0, -1.0, 1.0]);
    let sine = values(Waves::sine(4.0).amplitude(2.0));
    for (value, expected) in sine.iter().zip([0.0, 2.0, 0.0, -2.0, f64::sqrt(2.0)]) {
        assert!((value - expected).abs() < 1e-14);
    }
    let sum = Waves::saw(4.0).plus(Waves::square(2.0).amplitude(0.5));
    assert_eq!(values(sum), [-0.5, -1.0, 0.5, 0.0, -0.25]);
}

/// Targets are the inputs one step later, and both lie on the curve.
#[test]
fn windows_of_waves() {
    let batch = Waves::saw(8.0).batch::<f64>(&mut rng(), [20, 30]);
    let (inputs, targets) = (batch.inputs.as_slice(), batch.targets.as_slice());
    assert_eq!(inputs[30..], targets[..19 * 30]);
    for (x, y) in inputs.iter().zip(targets) {
        let rise = (y - x).rem_euclid(2.0);
        assert!((rise - 0.25).abs() < 1e-9, "{rise}");
    }
    assert!(inputs[..30].iter().any(|&x| x < -0.5) && inputs[..30].iter().any(|&x| x > 0.5));
}

/// Who knows the waves predicts all but the noise.
#[test]
fn floor_of_waves() {
    let waves = Waves::sine(10.0).noise(0.1);
    let noisy = waves.batch::<f64>(&mut rng(), [100, 100]).targets;
    let clean = Waves::sine(10.0).batch::<f64>(&mut rng(), [100, 100]).targets; // with equal starts
    let errors = noisy.as_slice().iter().zip(clean.as_slice()).map(|(x, y)| (x - y).powi(2));
    assert_near(errors.sum::<f64>() / 1e4, waves.floor(), waves.floor() * f64::sqrt(2.0 / 1e4));
}

/// An autoregressive process obeys the Yule–Walker equations, and its best prediction leaves the noise.
#[test]
fn time_series_are_as_their_equation_says() {
    let (a, b, deviation, count) = (0.5, 0.3, 0.7, 20_000);
    let series = TimeSeries::autoregressive(&[a, b], deviation);
    let batch = series.batch::<f64>(&mut rng(), [4, count]);
    let at = |t: usize, b: usize| batch.inputs[[t, b, 0]];
    let covariance =
        |lag: usize| (0..count).map(|b| at(0, b) * at(lag, b)).sum::<f64>() / count as f64;
    // ρ₁ = a / (1 − b), ρ₂ = a ρ₁ + b, γ₀ = σ² / (1 − a ρ₁ − b ρ₂)
    let first = a / (1.0 - b);
    let second = a * first + b;
    let variance = deviation * deviation / (1.0 - a * first - b * second);
    let error = 1.5 * variance / f64::sqrt(count as f64);
    assert_near(covariance(0), variance, error);
    assert_near(covariance(1), variance * first, error);
    assert_near(covariance(2), variance * second, error);
    let miss = |b: usize| {
        let past = [0, 1, 2, 3].map(|t| at(t, b));
        f64::powi(batch.targets[[3, b, 0]] - series.predict(&past), 2)
    };
    let loss = (0..count).map(miss).sum::<f64>() / count as f64;
    assert_near(loss, series.floor(), series.floor() * f64::sqrt(2.0 / count as f64));
}

#[test]
fn random_walks_spread() {
    let batch = TimeSeries::random_walk(0.5).batch::<f64>(&mut rng(), [9, 10_000]);
    for t in 0..9 {
        let values = batch.inputs.index_first(t);
        let variance = values.as_slice().iter().map(|x| x * x).sum::<f64>() / 1e4;
        let expected = 0.25 * (t + 1) as f64;
        assert_near(variance, expected, expected * f64::sqrt(2.0 / 1e4));
    }
    assert_eq!(TimeSeries::random_walk(1.0).predict(&[3.0, 5.0]), 5.0);
}

/// Against closed forms: `2 σ² / (1 + a)` for one coefficient, `2 (γ_0 − γ_1)` by the equations of Yule and Walker for
/// two.
#[test]
fn the_error_of_the_last_value() {
    let assert_equal = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-9, "{a} instead of {b}");
    assert_equal(TimeSeries::autoregressive(&[0.6], 3.0).last_value_loss(), 2.0 * 9.0 / 1.6);
    let (a, b) = (1.6_f64, -0.8_f64);
    let variance = (1.0 - b) / ((1.0 + b) * ((1.0 - b).powi(2) - a * a));
    assert_equal(
        TimeSeries::autoregressive(&[a, b], 1.0).last_value_loss(),
        2.0 * variance * (1.0 - a / (1.0 - b)),
    );
    assert_equal(TimeSeries::random_walk(2.0).last_value_loss(), 4.0);
}

/// At every step the readings have the same distribution, whether or not a sensor is stuck.
#[test]
fn readings_of_a_step_tell_nothing() {
    let batch = Sensors::new(2).noise(0.5).batch::<f64>(&mut rng(), [10, 20_000]);
    let faulty = batch.targets.iter().filter(|&&class| class > 0).count();
    assert_near(faulty as f64 / 2e5, 0.25, f64::sqrt(0.25 * 0.75 / 2e4)); // steps of a sequence are not independent
    for class in [0, 1, 2] {
        let of_class =
            batch.targets.iter().enumerate().filter(|(_, it)| **it == class).map(|(i, _)| i);
        let readings: Vec<[f64; 2]> =
            of_class.map(|i| [0, 1].map(|s| batch.inputs.as_slice()[2 * i + s])).collect();
        let count = readings.len() as f64;
        let mean = |f: &dyn Fn(&[f64; 2]) -> f64| readings.iter().map(f).sum::<f64>() / count;
        let error = 1.25 * f64::sqrt(2.0 / (count / 10.0));
        assert_near(mean(&|y| y[0] * y[0]), 1.25, error);
        assert_near(mean(&|y| y[1] * y[1]), 1.25, error);
        assert_near(mean(&|y| y[0] * y[1]), 0.0, error);
        assert_near(mean(&|y| y[0]), 0.0, error);
    }
}

/// Where a sensor sticks, its readings differ by noise alone.
#[test]
fn a_stuck_sensor_repeats_its_value() {
    let batch = Sensors::new(1).noise(1e-6).batch::<f64>(&mut rng(), [30, 100]);
    for i in 100..3000 {
        let change = (batch.inputs.as_slice()[i] - batch.inputs.as_slice()[i - 100]).abs();
        assert_eq!(change < 1e-5, batch.targets[i] == 1, "{change}");
    }
}

/// Of one sensor and two steps, by the densities of two normal vectors.
#[test]
fn the_posterior_of_a_fault_by_hand() {
    let sensors = Sensors::new(1).correlation(0.6).noise(0.3);
    for [first, second] in [[0.5, 0.4], [-1.0, 1.2], [2.0, 2.1]] {
        let density = |covariance: f64| {
            let variance = 1.0_f64 + 0.09;
            let determinant = variance * variance - covariance * covariance;
            let square =
                variance * (first * first + second * second) - 2.0 * covariance * first * second;
            (-0.5 * square / determinant).exp() / determinant.sqrt()
        };
        let by_hand = density(1.0) / (density(1.0) + density(0.6)); // half of the sequences have the fault
        let posterior = sensors.posterior(&Tensor::from_vec([2, 1, 1], vec![first, second]));
        for (p, by_hand) in posterior.to_vec().into_iter().zip([1.0, 0.0, 1.0 - by_hand, by_hand]) {
            assert!((p - by_hand).abs() < 1e-12, "{posterior:?}: {by_hand}");
        }
    }
}

/// Of the steps that have a class with a probability of about p, about p have it.
#[test]
fn the_posterior_of_a_fault_is_calibrated() {
    let sensors = Sensors::new(2);
    let batch = sensors.batch::<f64>(&mut rng(), [12, 3000]);
    let posterior = sensors.posterior(&batch.inputs);
    for class in 0..3 {
        for bin in 0..5 {
            let probabilities = posterior.as_slice().iter().skip(class).step_by(3);
            let here = probabilities
                .zip(&batch.targets)
                .filter(|(p, _)| (**p * 5.0).min(4.0) as i32 == bin);
            let here: Vec<(f64, bool)> = here.map(|(p, target)| (*p, *target == class)).collect();
            let count = here.len() as f64;
            let expected = here.iter().map(|(p, _)| p).sum::<f64>() / count;
            let share = here.iter().filter(|(_, is_class)| *is_class).count() as f64 / count;
            assert_near(share, expected, 0.5 / f64::sqrt(count / 4.0));
        }
    }
}

/// After 700 equal readings, a fault is more than e¹⁰⁰⁰ times as likely as none.
#[test]
fn the_posterior_of_a_long_fault_is_finite() {
    let posterior = Sensors::new(1).posterior(&Tensor::<f64>::full([700, 1, 1], 0.3));
    for (p, expected) in posterior.index_first(699).to_vec().into_iter().zip([0.0, 1.0]) {
        assert!((p - expected).abs() < 1e-12, "{p}");
    }
}

/// A reader of the strokes alone finds exactly one word that has them: that of the labels.
#[test]
fn strokes_spell_one_word() {
    let batch = Handwriting::new().noise(0.0).batch::<f64>(&mut rng(), [30, 3000]);
    let mut words = BTreeMap::new();
    for (b, letters) in batch.targets.iter().enumerate() {
        let mut strokes: Vec<[i32; 2]> = (0..30)
            .map(|t| [0, 1].map(|axis| (10.0 * batch.inputs[[t, b, axis]]).round() as i32))
            .collect();
        let steps = strokes.iter().filter(|stroke| **stroke != [0, 0]).count();
        assert!(
            strokes[..steps].iter().all(|stroke| *stroke != [0, 0]),
            "the pen rests at the end"
        );
        assert!((letters.len() * 4..=letters.len() * 12).contains(&steps));
        strokes.dedup();
        assert_eq!(words.entry(strokes).or_insert(letters), &letters);
    }
    assert!(words.len() > 500, "{}", words.len());
}
