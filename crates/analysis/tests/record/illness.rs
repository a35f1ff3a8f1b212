//! Trainings that are ill in one way, and one that is healthy.

use bptt_analysis::record::{Recorder, Recording, Warning};
use bptt_layers::{Activation, Elman, Layer, Module};
use bptt_tensor::Tensor;

use crate::support::{Training, folder, lstm, training};

/// Records so many steps, and returns the warnings. `change` is called before each step.
fn warnings<L: Layer<f64> + Module<f64>>(
    mut training: Training<L>,
    steps: usize,
    mut change: impl FnMut(&mut Training<L>),
) -> Vec<Warning> {
    let folder = folder();
    let mut recorder = Recorder::create(folder.path()).expect("a new record").every(10);
    for _ in 0..steps {
        change(&mut training);
        training.step(&mut recorder).expect("a writable folder");
    }
    let reported = recorder.report().expect("a writable folder");
    assert_eq!(reported, Recording::read(folder.path()).expect("a record").warnings());
    for warning in &reported {
        assert!(warning.remedy().ends_with('.'), "{warning}");
    }
    reported
}

fn elman(activation: Activation<f64>) -> Training<Elman<f64>> {
    let elman = Elman::new(&mut bptt_layers::rng(1), 2, 8).activation(activation);
    training(elman, 8, 0.01)
}

/// Sets all parameters whose names end in this to what `value` returns for the place of each element.
fn set<L: Layer<f64> + Module<f64>>(
    training: &mut Training<L>,
    name: &str,
    value: impl Fn(usize) -> f64,
) {
    let mut found = false;
    training.model.for_each_parameter_mut(|own, parameter| {
        if own == name {
            *parameter.value_mut() = Tensor::from_fn(parameter.shape(), &value);
            found = true;
        }
    });
    assert!(found, "{name}");
}

#[test]
fn a_healthy_training_gives_no_warning() {
    let found = warnings(lstm(0.01), 300, |_| {});
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn a_loss_that_is_not_finite() {
    let found = warnings(lstm(0.01), 25, |training| {
        training.scale = if training.step == 22 { 1e200 } else { 1.0 };
    });
    let infinite = Warning::NotFinite { step: 23, quantity: "loss", parameter: None };
    assert_eq!(found[0], infinite, "the outputs are finite, and not their squares");

    let found = warnings(lstm(0.01), 25, |training| {
        if training.step == 22 {
            set(training, "layer.w_hh", |place| if place == 7 { f64::NAN } else { 0.1 });
        }
    });
    assert!(
        found[0].to_string().contains("the loss of step 23 is not finite, found in `layer.w_hh`")
    );
}

#[test]
fn a_gradient_that_explodes_at_a_step() {
    let found = warnings(lstm(0.001), 45, |training| {
        training.scale = if training.step == 39 { 1e4 } else { 1.0 };
    });
    let Warning::ExplodingGradient { step: 40, norm, usual, parameter } = &found[0] else {
        panic!("{found:?}")
    };
    assert!(norm / usual > 100.0 && parameter.is_some(), "{found:?}");
}

/// With tiny inputs, `tanh` is linear, and the gradient grows threefold with each lag.
#[test]
fn a_gradient_that_explodes_over_lags() {
    let found = warnings(elman(Activation::Tanh), 1, |training| {
        training.scale = 1e-9;
        set(training, "layer.w_hh", |place| if place % 9 == 0 { 3.0 } else { 0.0 });
        set(training, "layer.b", |_| 0.0);
        set(training, "output.b", |_| 0.1);
    });
    let [Warning::ExplodingAtLag { step: 1, lag: 11, growth, state }] = &found[..] else {
        panic!("{found:?}")
    };
    assert!((growth / 3_f64.powi(11) - 1.0).abs() < 1e-6 && state == "h", "{found:?}");
}

#[test]
fn a_gradient_that_vanishes() {
    let found = warnings(elman(Activation::Tanh), 1, |training| {
        training.scale = 1e-9;
        set(training, "layer.w_hh", |place| if place % 9 == 0 { 0.2 } else { 0.0 });
        set(training, "layer.b", |_| 0.0);
        set(training, "output.b", |_| 0.1);
    });
    // 0.2⁴ = 1.6e-3 and 0.2⁵ = 3.2e-4
    let vanishing = Warning::VanishingAtLag { step: 1, state: "h".into(), lag: 5, lags: 12 };
    assert_eq!(found, [vanishing]);
    assert!(found[0].to_string().starts_with("the gradient vanishes at lag 5 of 12"));
}

#[test]
fn gates_that_are_saturated() {
    let found = warnings(lstm(0.001), 10, |training| {
        if training.step == 0 {
            set(training, "layer.b", |place| if (8..16).contains(&place) { 9.0 } else { 0.0 });
        }
    });
    let [Warning::SaturatedGate { step: 10, gate, closed, open }] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!((gate.as_str(), *closed, *open), ("f", 0.0, 1.0));
}

#[test]
fn units_that_are_dead() {
    let found = warnings(elman(Activation::Relu), 10, |training| {
        if training.step == 0 {
            set(training, "layer.b", |place| if place < 3 { -100.0 } else { 0.1 });
        }
    });
    let dead = Warning::DeadUnits { step: 10, value: "h".into(), dead: vec![0, 1, 2], units: 8 };
    assert!(found.contains(&dead), "{found:?}");
}

#[test]
fn learning_rates_that_are_too_large_and_too_small() {
    let found = warnings(lstm(0.1), 30, |_| {});
    let large = found.iter().find_map(|warning| match warning {
        Warning::LearningRateTooLarge { ratio, worst, .. } => Some((*ratio, *worst)),
        _ => None,
    });
    let (ratio, worst) = large.expect("it is too large");
    assert!(0.03 < ratio && ratio <= worst);

    let found = warnings(lstm(1e-8), 30, |_| {});
    let [Warning::LearningRateTooSmall { ratio, worst, .. }] = &found[..] else {
        panic!("{found:?}")
    };
    assert!(worst <= ratio && *ratio < 1e-6, "{found:?}");
}

/// The updates are not too small, but the loss falls by less than its noise.
#[test]
fn a_loss_on_a_plateau() {
    let found = warnings(lstm(3e-5), 200, |_| {});
    let [Warning::Plateau { since: 101, steps: 50, before, now }] = &found[..] else {
        panic!("{found:?}")
    };
    assert!((before / now - 1.0).abs() < 0.1, "{found:?}");
}

/// What is learned need not fall any further.
#[test]
fn a_small_loss_is_no_plateau() {
    let warnings = |rest: f64| {
        let folder = folder();
        let mut recorder = Recorder::create(folder.path()).expect("a new record");
        let model = bptt_layers::Linear::<f64>::new(&mut bptt_layers::rng(0), 1, 1);
        for step in 1..=300 {
            let loss = if step == 1 { 1.0 } else { rest };
            recorder.step(step, loss).finish(&model).expect("a writable folder");
        }
        recorder.report().expect("a writable folder")
    };
    assert!(matches!(warnings(0.1)[..], [Warning::Plateau { .. }]));
    assert_eq!(warnings(0.01), []);
}

/// What one state forgets, another keeps.
#[test]
fn a_gradient_that_one_state_keeps_does_not_vanish() {
    let folder = folder();
    let mut recorder = Recorder::create(folder.path()).expect("a new record");
    let model = bptt_layers::Linear::<f64>::new(&mut bptt_layers::rng(0), 1, 1);
    let costates = |decay: f64| Tensor::from_fn([20, 1, 1], |step| decay.powi(19 - step as i32));
    let record = recorder.step(1, 1.0).costates("h", &costates(0.1));
    record.costates("c", &costates(0.9)).finish(&model).expect("a writable folder");
    assert_eq!(recorder.report().expect("a writable folder"), []);
}
