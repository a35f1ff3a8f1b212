//! What is recorded of a step.

use bptt_analysis::record::{Histogram, Record, Recorder};
use bptt_layers::Module;

use crate::support::{BATCH, STEPS, folder, lstm, read};

#[test]
fn a_histogram_counts_every_value() {
    let values: Vec<f32> = (0..1000).map(|i| ((i * i % 997) as f32).sqrt() - 10.0).collect();
    let histogram = Histogram::of(&values);
    let exact: Vec<_> = values.iter().map(|&x| f64::from(x)).collect();
    let (min, max) = (histogram.min, histogram.max);
    assert_eq!(min, exact.iter().copied().fold(f64::INFINITY, f64::min));
    assert_eq!(max, exact.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    assert!((histogram.mean - exact.iter().sum::<f64>() / 1000.0).abs() < 1e-12);
    let norm = exact.iter().map(|x| x * x).sum::<f64>().sqrt();
    assert!((histogram.norm - norm).abs() < 1e-12 * norm);
    let mut below = min;
    for (limit, count) in histogram.limits().zip(&histogram.counts) {
        let is_last = limit == max;
        let within = |x: &&f64| below <= **x && (**x < limit || is_last);
        let expected = exact.iter().filter(within).count() as u64;
        assert!(count.abs_diff(expected) <= 1, "{below}..{limit}: {count}, not {expected}");
        below = limit;
    }
    assert_eq!((histogram.count(), histogram.counts.len()), (1000, 30));
}

#[test]
fn a_histogram_holds_any_values() {
    assert_eq!(Histogram::of::<f64>(&[]).count(), 0);
    let equal = Histogram::of(&[2.0_f32; 5]);
    assert_eq!((equal.counts, equal.min, equal.max), (vec![5], 2.0, 2.0));
    let damaged = Histogram::of(&[f64::NAN, 3.0, f64::INFINITY, -4.0]);
    assert_eq!((damaged.not_finite, damaged.count(), damaged.norm), (2, 2, 5.0));
    assert_eq!((damaged.min, damaged.max), (-4.0, 3.0));
    let huge = Histogram::of(&[3e200, -4e200]);
    assert_eq!((huge.count(), huge.not_finite), (2, 0));
    assert!((huge.norm / 5e200 - 1.0).abs() < 1e-15);
}

#[test]
fn details_are_those_of_the_model() {
    let folder = folder();
    let mut recorder = Recorder::create(folder.path()).expect("a new record").every(2);
    let mut training = lstm(0.01);
    let values = |model: &_| {
        let parameters: Vec<(String, _)> = Module::<f64>::parameters(model);
        parameters.into_iter().map(|(name, it)| (name, it.value().clone())).collect::<Vec<_>>()
    };
    let mut before = Vec::new();
    for _ in 0..3 {
        before.push(values(&training.model));
        training.step(&mut recorder).expect("a writable folder");
    }
    before.push(values(&training.model));

    let records = read(folder.path());
    let kinds = records.iter().map(|record| match record {
        Record::Start { .. } => "start",
        Record::Step { .. } => "step",
        Record::Details { .. } => "details",
        _ => "another",
    });
    let kinds: Vec<_> = kinds.collect();
    assert_eq!(kinds, ["start", "step", "details", "step", "details", "step"]);

    let Record::Details { step: 2, parameters, values, lags, .. } = &records[4] else {
        panic!("{:?}", records[4])
    };
    for (details, ((name, old), (_, new))) in
        parameters.iter().zip(before[1].iter().zip(&before[2]))
    {
        assert_eq!(&details.name, name);
        let norm = |values: &[f64]| values.iter().map(|x| x * x).sum::<f64>().sqrt();
        let close = |a: f64, b: f64| assert!((a - b).abs() <= 1e-12 * b, "{name}: {a}, not {b}");
        close(details.weights.norm, norm(old.as_slice()));
        let update = norm((new - old).as_slice());
        close(details.update_norm.expect("an update"), update);
        if details.weights.norm > 0.0 {
            close(details.update_ratio().expect("a ratio"), update / norm(old.as_slice()));
        }
        assert!(details.gradient.as_ref().is_some_and(|gradient| gradient.norm > 0.0), "{name}");
    }
    let names: Vec<_> = values.iter().map(|value| value.name.as_str()).collect();
    assert_eq!(names, ["c", "f", "g", "h", "i", "o"]);
    for value in values {
        assert_eq!(value.gate.is_some(), ["f", "i", "o"].contains(&value.name.as_str()));
        assert_eq!(value.histogram.count(), (STEPS * BATCH * 8) as u64);
        assert_eq!((value.units, value.dead.len()), (8, 0));
    }
    assert_eq!(lags[0].norms.len(), STEPS);
    assert!(lags[0].norms.iter().all(|&norm| norm > 0.0));
}

/// The last step's loss depends on its own state directly, and so most on it.
#[test]
fn lags_are_counted_from_the_last_step() {
    let folder = folder();
    let mut recorder = Recorder::create(folder.path()).expect("a new record");
    lstm(0.01).step(&mut recorder).expect("a writable folder");
    let records = read(folder.path());
    let Some(Record::Details { lags, .. }) = records.last() else { panic!("{records:?}") };
    let (first, last) = (lags[0].norms[0], lags[0].norms[STEPS - 1]);
    assert!(first > 10.0 * last, "{:?}", lags[0].norms);
}

#[test]
fn gates_are_those_of_the_names() {
    let folder = folder();
    let recorder = Recorder::create(folder.path()).expect("a new record");
    let mut recorder = recorder.gates(["g", "f"]); // the candidate has negative values
    lstm(0.01).step(&mut recorder).expect("a writable folder");
    let records = read(folder.path());
    let Some(Record::Details { values, .. }) = records.last() else { panic!("{records:?}") };
    let gates = values.iter().filter(|value| value.gate.is_some());
    assert_eq!(gates.map(|value| value.name.as_str()).collect::<Vec<_>>(), ["f"]);
}

#[test]
fn a_recorded_training_is_the_same_to_the_bit() {
    let folders = [folder(), folder()];
    let weights = [1, 1000].map(|interval| {
        let path = folders[interval / 1000].path();
        let mut recorder = Recorder::create(path).expect("a new record").every(interval);
        let mut training = lstm(0.01);
        for _ in 0..3 {
            training.step(&mut recorder).expect("a writable folder");
        }
        let parameters = Module::<f64>::parameters(&training.model);
        parameters.iter().flat_map(|(_, it)| it.value().to_vec()).collect::<Vec<_>>()
    });
    assert_eq!(weights[0], weights[1]);
}
