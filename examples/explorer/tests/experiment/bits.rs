//! What the page shows is what the library computes, to the bit.

use bptt::prelude::*;
use explorer::experiment::{Experiment, Settings, TaskKind};
use programs::cells::CellKind;
use serde_json::Value;

use crate::by_hand::{self, HIDDEN, STEPS};

const UPDATES: usize = 12; // two epochs

fn trained(settings: &Settings) -> Experiment {
    let mut experiment = Experiment::new(settings).expect("possible settings");
    for _ in 0..UPDATES {
        experiment.update().expect("no divergence");
    }
    experiment
}

fn exact(tensor: &Tensor<f32>) -> Vec<f64> {
    tensor.iter().map(|&value| value.into()).collect()
}

#[test]
fn losses_are_those_of_the_library() {
    let mut experiment = Experiment::new(&by_hand::settings()).expect("possible settings");
    for [training, validation] in by_hand::run(UPDATES).losses {
        let losses = experiment.update().expect("no divergence");
        assert_eq!(losses.training, f64::from(training));
        assert_eq!(losses.validation, f64::from(validation));
    }
    assert_eq!((experiment.updates(), experiment.epochs()), (UPDATES, 2.0));
}

/// One step ahead by a run, and on from each prediction. A stepper computes the same up to rounding.
#[test]
fn predictions_are_those_of_the_library() {
    let run = by_hand::run(UPDATES);
    let experiment = trained(&by_hand::settings());
    for number in [0, 5] {
        let truth = by_hand::pick(&run.validation.inputs, &[number]);
        let tape = Tape::inference();
        let (ahead, _) = run.model.forward(tape.constant(truth.clone()));
        let prediction = experiment.predict(number);
        assert_eq!(prediction.prompt, STEPS);
        assert_eq!(prediction.truth, exact(&truth));
        assert_eq!(prediction.one_step, exact(&ahead.value()));

        let prompt = tape.constant(truth.slice(0, ..STEPS));
        let start = run.model.start(&tape, 1);
        let (free, _) = free_running(&run.model, prompt, start, STEPS, |y| y);
        assert_eq!(prediction.free, exact(&free.value()));

        let mut stepper = stepper(&run.model, [1, 1]);
        let mut next = |x: f32| {
            stepper.step(&[&[x]]);
            stepper.output(0)[0]
        };
        let mut y = truth.iter().take(STEPS).fold(0.0, |_, &x| next(x));
        for found in prediction.free {
            assert!((found - f64::from(y)).abs() < 1e-5, "{found}, not {y}");
            y = next(y);
        }
    }
}

#[test]
fn a_look_sees_what_the_library_computes() {
    let run = by_hand::run(UPDATES);
    let look = trained(&by_hand::settings()).look(3);
    let xs = by_hand::pick(&run.validation.inputs, &[3]).slice(0, 0..STEPS);
    let tape = Tape::inference();
    let probes = tape.probes();
    let (ys, _) = run.model.forward(tape.constant(xs.clone()));
    assert_eq!(look.updates, UPDATES);
    assert_eq!((look.inputs.shape, look.inputs.values), (vec![STEPS, 1], exact(&xs)));
    assert_eq!((look.outputs.shape, look.outputs.values), (vec![STEPS, 1], exact(&ys.value())));
    let names = CellKind::Lstm.variables();
    let names =
        ["0", "1.0"].into_iter().zip(0..).flat_map(|it| names.iter().map(move |&name| (it, name)));
    assert_eq!(look.probes.len(), 12);
    for (probe, ((scope, layer), name)) in look.probes.into_iter().zip(names) {
        assert_eq!((probe.layer, &*probe.name), (layer, name));
        assert_eq!(probe.values.shape, [STEPS, HIDDEN[layer]]);
        let expected = exact(&probes.get(&format!("{scope}.{name}")).value());
        assert_eq!(probe.values.values, expected, "{name} of layer {layer}");
    }
}

/// The equations step by step, layer by layer. Their sums are in another order than those of a compiled scan.
#[test]
fn a_look_sees_what_each_step_computes() {
    let run = by_hand::run(UPDATES);
    let look = trained(&by_hand::settings()).look(3);
    let xs = by_hand::pick(&run.validation.inputs, &[3]);
    let (lower, (upper, readout)) = &run.model;
    let tape = Tape::inference();
    let mut states = [lower.zero_state(&tape, 1), upper.zero_state(&tape, 1)];
    let near = |found: &[f64], expected: &Tensor<f32>| {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected.iter()) {
            let error = (found - f64::from(*expected)).abs();
            assert!(error < 16.0 * f64::from(f32::EPSILON), "{found} and {expected}");
        }
    };
    for t in 0..STEPS {
        let mut h = tape.constant(xs.index_first(t));
        for (layer, (cell, state)) in [lower, upper].into_iter().zip(&mut states).enumerate() {
            let probes = tape.probes();
            (h, *state) = cell.step(h, *state);
            for probe in look.probes.iter().filter(|it| it.layer == layer) {
                let row = &probe.values.values[t * HIDDEN[layer]..][..HIDDEN[layer]];
                near(row, &probes.get(&probe.name).value());
            }
        }
        near(&look.outputs.values[t..=t], &readout.forward(h).value());
    }
}

#[test]
fn weights_and_their_gradients_are_those_of_the_library() {
    let run = by_hand::run(UPDATES);
    let experiment = trained(&by_hand::settings());
    let of = |tensor| by_hand::pick(tensor, &[0]).slice(0, 0..STEPS);
    let [xs, targets] = [&run.validation.inputs, &run.validation.targets].map(of);
    let tape = Tape::new();
    let gradients = tape.backward(by_hand::loss(&run.model, tape.constant(xs), &targets));
    let (weights, look) = (experiment.weights(0), experiment.look(0));
    let layers = [Some(0), Some(0), Some(0), Some(1), Some(1), Some(1), None, None];
    assert_eq!(weights.parameters.iter().map(|it| it.layer).collect::<Vec<_>>(), layers);
    let parameters = run.model.parameters();
    assert_eq!(weights.parameters.len(), parameters.len());
    for ((weight, norms), (path, parameter)) in
        weights.parameters.iter().zip(&look.parameters).zip(parameters)
    {
        let gradient = gradients.get(parameter).expect("a gradient");
        assert!(path.ends_with(&weight.name), "{path} and {}", weight.name);
        assert_eq!(weight.values.shape, parameter.shape().to_vec());
        assert_eq!(weight.values.values, exact(parameter.value()));
        assert_eq!(weight.gradient, exact(gradient));
        let norm = |values: &[f64]| values.iter().map(|v| v * v).sum::<f64>().sqrt();
        assert_eq!((&norms.name, norms.layer), (&weight.name, weight.layer));
        assert_eq!(norms.norm, norm(&weight.values.values));
        assert_eq!(norms.gradient_norm, norm(&weight.gradient));
    }
}

/// Every cell, and every task.
#[test]
fn the_number_of_threads_changes_nothing() {
    let bits = |settings: &Settings, threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| {
            let mut experiment = Experiment::new(settings).expect("possible settings");
            let losses = [(); 2].map(|()| experiment.update().expect("no divergence"));
            (losses, experiment.look(0), experiment.lags(0), experiment.predict(0))
        })
    };
    let tasks = [TaskKind::Sine, TaskKind::Saw, TaskKind::Square, TaskKind::Sines, TaskKind::Text];
    let tasks = tasks.map(|task| Settings { task, ..Settings::default() });
    let cells = by_name().map(|cell| Settings { cell, length: 6, ..Settings::default() });
    let large = Settings { hidden: vec![64], batch: 64, ..Settings::default() };
    for settings in tasks.into_iter().chain(cells).chain([large]) {
        assert_eq!(bits(&settings, 1), bits(&settings, 2), "{settings:?}");
    }
}

pub(crate) fn by_name() -> impl Iterator<Item = CellKind> {
    use clap::ValueEnum;
    CellKind::value_variants().iter().copied()
}

/// A number in JSON is the shortest that is read as the same number.
#[test]
fn json_keeps_all_bits() {
    let look = trained(&by_hand::settings()).look(0);
    let text = serde_json::to_string(&look).expect("JSON");
    let json: Value = serde_json::from_str(&text).expect("JSON");
    for (probe, json) in look.probes.iter().zip(json["probes"].as_array().expect("a list")) {
        assert_eq!(json["name"], *probe.name);
        let numbers = json["values"].as_array().expect("a list");
        assert_eq!(numbers.len(), probe.values.values.len());
        for (number, value) in numbers.iter().zip(&probe.values.values) {
            let number = number.as_f64().expect("a number");
            assert_eq!(number.to_bits(), value.to_bits());
            assert_eq!(f64::from(number as f32).to_bits(), value.to_bits());
        }
    }
    assert!(text.contains("\"gradientNorm\":"), "names as the page writes them");
}

#[test]
fn a_text_is_continued_by_its_most_probable_characters() {
    let settings = Settings { task: TaskKind::Text, text: "abc".into(), ..Settings::default() };
    let mut experiment = Experiment::new(&Settings { hidden: vec![16], rate: 0.05, ..settings })
        .expect("possible settings");
    for _ in 0..40 {
        experiment.update().expect("no divergence");
    }
    assert_eq!(experiment.characters(), Some(&['a', 'b', 'c'][..]));
    let prediction = experiment.predict(0);
    let next = |class: &f64| (class + 1.0) % 3.0;
    assert_eq!(prediction.truth[1..], prediction.truth.iter().map(next).collect::<Vec<_>>()[..47]);
    assert_eq!(
        prediction.one_step[1..],
        prediction.truth.iter().map(next).collect::<Vec<_>>()[1..]
    );
    assert_eq!(prediction.free, prediction.truth[24..]);
}

#[test]
fn a_divergence_is_told_and_ends_the_training() {
    let settings = Settings { rate: 10.0, clip: 0.0, ..Settings::default() };
    let optimizer = explorer::experiment::OptimizerKind::Sgd;
    let settings = Settings { optimizer, cell: CellKind::Irnn, length: 100, ..settings };
    let mut experiment = Experiment::new(&settings).expect("possible settings");
    let divergence = (0..100).find_map(|_| experiment.update().err()).expect("a divergence");
    assert!(divergence.to_string().contains("lower the learning rate"), "{divergence}");
    let updates = experiment.updates();
    assert_eq!(experiment.update(), Err(divergence.clone()));
    assert_eq!((experiment.updates(), experiment.divergence()), (updates, Some(&divergence)));
    let _ = (experiment.look(0), experiment.lags(0), experiment.check(0)); // of numbers that are not finite
}
