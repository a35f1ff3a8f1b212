//! Waves.

use bptt_tasks::Waves;

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
