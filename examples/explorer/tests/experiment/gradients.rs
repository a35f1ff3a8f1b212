//! Gradients through time.

use bptt::prelude::*;
use explorer::experiment::{Experiment, Settings, TaskKind, Values};
use programs::cells::CellKind;

use crate::by_hand::{self, HIDDEN, STEPS};

#[test]
fn the_gradients_of_every_cell_agree_with_differences() {
    for cell in crate::bits::by_name() {
        for task in [TaskKind::Sine, TaskKind::Text] {
            let hidden = match cell {
                CellKind::Irnn | CellKind::IndRnn => vec![8], // a layer above may read zeros: a kink
                _ => vec![4, 2],
            };
            let text = "abac".to_owned();
            let settings = Settings { task, text, cell, hidden, length: 8, ..Settings::default() };
            let mut experiment = Experiment::new(&settings).expect("possible settings");
            experiment.update().expect("no divergence");
            let check = experiment.check(1);
            assert!(check.worst < 1e-6, "{cell}: {check:?}");
            let trained = match cell {
                CellKind::EchoState => 2, // the readout alone
                _ => experiment.weights(1).parameters.len(),
            };
            assert_eq!(check.parameters.len(), trained, "{cell}");
            let errors = check.parameters.iter().map(|it| it.relative_error);
            assert_eq!(check.worst, errors.fold(0.0, f64::max));
        }
    }
}

/// The gradients with respect to zeros that are added to the states of a run, which is written step by step.
/// `[step][layer][h or c]`
fn by_steps(
    losses: impl for<'t> Fn(usize, Var<'t, f32>) -> Option<Var<'t, f32>>,
) -> Vec<[[Vec<f64>; 2]; 2]> {
    let run = by_hand::run(3);
    let (lower, (upper, readout)) = &run.model;
    let tape = Tape::new();
    let zeros = || HIDDEN.map(|size| [(); 2].map(|()| tape.variable(Tensor::zeros([1, size]))));
    let (mut below, mut above) = (lower.zero_state(&tape, 1), upper.zero_state(&tape, 1));
    let (mut added, mut loss) = (Vec::new(), None);
    for t in 0..STEPS {
        let x = by_hand::pick(&run.validation.inputs, &[0]).index_first(t);
        let [of_lower, of_upper] = zeros();
        let (_, (h, c)) = lower.step(tape.constant(x), below);
        below = (h + of_lower[0], c + of_lower[1]);
        let (_, (h, c)) = upper.step(below.0, above);
        above = (h + of_upper[0], c + of_upper[1]);
        added.push([of_lower, of_upper]);
        if let Some(of_step) = losses(t, readout.forward(above.0)) {
            loss = Some(loss.map_or(of_step, |sum| sum + of_step));
        }
    }
    let gradients = tape.backward(loss.expect("a loss"));
    let of = |zeros: Var<'_, f32>| match gradients.get_wrt(zeros) {
        Some(gradient) => gradient.iter().map(|&g| g.into()).collect(),
        None => vec![0.0; zeros.value().len()],
    };
    added.into_iter().map(|layers| layers.map(|variables| variables.map(of))).collect()
}

/// The squared error of a step.
fn squared_error<'t>(t: usize, y: Var<'t, f32>) -> Var<'t, f32> {
    let run = by_hand::run(0);
    let target = by_hand::pick(&run.validation.targets, &[0]).index_first(t);
    (y - &target).square().sum_all()
}

fn trained() -> Experiment {
    let mut experiment = Experiment::new(&by_hand::settings()).expect("possible settings");
    for _ in 0..3 {
        experiment.update().expect("no divergence");
    }
    experiment
}

/// The sums of a step are in another order than those of a compiled scan, so the last bits differ.
fn near(found: f64, expected: f64, scale: f64) -> bool {
    (found - expected).abs() <= 64.0 * f64::from(f32::EPSILON) * scale
}

#[test]
fn the_lags_are_the_norms_of_the_last_loss_by_state() {
    let by_steps = by_steps(|t, y| (t == STEPS - 1).then(|| squared_error(t, y)));
    let lags = trained().lags(0);
    assert_eq!((lags.updates, lags.norms.len()), (3, STEPS));
    for (found, states) in lags.norms.iter().zip(by_steps.iter().rev()) {
        let squares = states.iter().flatten().flatten().map(|g| g * g);
        let expected = squares.sum::<f64>().sqrt();
        assert!(near(*found, expected, expected), "{found} and {expected}");
    }
    assert!(lags.norms[0] > lags.norms[STEPS - 1] && lags.norms[STEPS - 1] > 0.0);
}

#[test]
fn costates_are_the_gradients_with_respect_to_the_states() {
    let total = by_steps(|t, y| Some(squared_error(t, y) / STEPS as f64));
    let look = trained().look(0);
    let names: Vec<_> = look.costates.iter().map(|it| (it.layer, &*it.name)).collect();
    assert_eq!(names, [(0, "h"), (0, "c"), (1, "h"), (1, "c")]);
    for (i, costate) in look.costates.iter().enumerate() {
        let (layer, variable) = (i / 2, i % 2);
        assert_eq!(costate.total.shape, [STEPS, HIDDEN[layer]]);
        let expected: Vec<f64> = total.iter().flat_map(|it| it[layer][variable].clone()).collect();
        let largest = expected.iter().fold(0.0, |largest: f64, g| largest.max(g.abs()));
        for (found, expected) in costate.total.values.iter().zip(&expected) {
            assert!(near(*found, *expected, largest), "{found} and {expected}");
        }
    }
}

/// The direct gradient of a state is that of the loss of its own step.
#[test]
fn direct_costates_are_those_of_one_loss() {
    let look = trained().look(0);
    for t in [0, 4, STEPS - 1] {
        let of_step = by_steps(|k, y| (k == t).then(|| squared_error(t, y) / STEPS as f64));
        for (i, costate) in look.costates.iter().enumerate() {
            let row =
                |values: &Values| values.values[t * values.shape[1]..][..values.shape[1]].to_vec();
            let expected = &of_step[t][i / 2][i % 2];
            let largest = expected.iter().fold(0.0, |largest: f64, g| largest.max(g.abs()));
            for (found, expected) in row(&costate.direct).iter().zip(expected) {
                assert!(near(*found, *expected, largest), "{found} and {expected}");
            }
        }
    }
}
