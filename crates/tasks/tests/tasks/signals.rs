//! Waves, time series, sensors and handwriting.

use std::collections::BTreeMap;

use bptt_tasks::{Handwriting, Sensors, TimeSeries, Waves};

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

/// A labelled sensor shows the same from the step before on. All others move.
#[test]
fn a_stuck_sensor_is_labelled() {
    let (steps, count) = (30, 200);
    let batch = Sensors::new(3).noise(0.0).batch::<f64>(&mut rng(), [steps, count]);
    for b in 0..count {
        for t in 1..steps {
            for sensor in 0..3 {
                let [before, now] = [t - 1, t].map(|t| batch.inputs[[t, b, sensor]]);
                let is_stuck = batch.targets[t * count + b] == sensor + 1;
                assert_eq!(before == now, is_stuck, "step {t}, sequence {b}, sensor {sensor}");
            }
        }
    }
    let sound = batch.targets.iter().filter(|&&label| label == 0).count();
    let share = sound as f64 / (steps * count) as f64;
    assert_near(share, Sensors::new(3).memoryless_accuracy(), 0.5 / f64::sqrt(count as f64));
}

/// A reader of the strokes, which do not tell where a letter begins, finds one word that has them: that of the labels.
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
