//! What is recorded of a step.

use std::fs;

use bptt_analysis::record::{Entry, Histogram, Record, Recorder};
use bptt_autodiff::{Param, Tape};
use bptt_layers::Module;
use bptt_tensor::Tensor;

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
    assert_eq!(names, ["f", "i", "g", "c", "o", "h"]);
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

/// Each look takes time and room, and the steps after the first tell nothing new.
#[test]
fn the_first_of_the_steps_that_are_not_finite_is_looked_into() {
    let folder = folder();
    let mut recorder = Recorder::create(folder.path()).expect("a new record");
    let model = bptt_layers::Linear::<f64>::new(&mut bptt_layers::rng(0), 1, 1);
    let nan = f64::NAN;
    for (step, loss, norm) in
        [(2, 1.0, 1.0), (3, nan, nan), (4, nan, 1.0), (5, 1.0, 1.0), (6, 1.0, nan), (7, nan, nan)]
    {
        let record = recorder.step(step, loss).gradient_norm(norm);
        record.finish(&model).expect("a writable folder");
    }
    let records = read(folder.path());
    let looks = records.iter().filter(|record| matches!(record, Record::Details { .. }));
    assert_eq!(looks.map(Entry::step).collect::<Vec<_>>(), [3, 6]);
}

/// Whatever is measured can be read again.
#[test]
fn values_that_are_empty_or_not_finite_are_read_back() {
    let folder = folder();
    let mut recorder = Recorder::create(folder.path()).expect("a new record");
    let tape = Tape::new();
    let probes = tape.probes();
    for (name, values) in [
        ("f", Tensor::zeros([0, 3])),
        ("i", Tensor::zeros([3, 0])),
        ("o", Tensor::full([2, 1, 2], f64::NAN)),
        ("z", Tensor::full([], f64::INFINITY)),
    ] {
        let _ = tape.constant(values).probe(name);
    }
    let parameter = Param::new(Tensor::full([2], f64::NAN));
    let record = recorder.step(1, f64::NAN).probes(Some(probes));
    let record = record.costates("h", &Tensor::zeros([0, 1, 2]));
    record.costates("c", &Tensor::full([2, 1, 1], f64::NAN)).finish(&parameter).expect("writable");
    recorder.report().expect("it is read, and drawn");
    let records = read(folder.path());
    let Some(Record::Details { values, parameters, .. }) = records.last() else {
        panic!("{records:?}")
    };
    assert!(values.iter().all(|value| value.gate.is_none() && value.dead.is_empty()));
    assert_eq!(parameters[0].weights.not_finite, 2);
    let page = fs::read_to_string(folder.path().join("report.html")).expect("UTF-8");
    assert!(page.contains("2 not finite") && page.contains("4 not finite"));
}
