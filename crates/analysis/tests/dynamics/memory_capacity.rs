//! Memory capacity.

use bptt_analysis::dynamics::{Dynamics, DynamicsError};
use bptt_layers::{Activation, EchoState, Elman, Init};
use bptt_tensor::Tensor;

use super::systems::{DelayLine, assert_close};

fn inputs(steps: usize) -> Tensor<f64> {
    Tensor::uniform([steps], -1.0, 1.0, &mut bptt_layers::rng(5))
}

#[test]
fn a_delay_line_has_as_much_as_it_has_units() {
    let line = DelayLine { units: 6 };
    let capacity = Dynamics::new(&line).memory_capacity().run(&inputs(4000)).unwrap();
    let by_lag = capacity.by_lag();
    assert_eq!(by_lag.len(), 13);
    by_lag[..6].iter().for_each(|&r2| assert_close(r2, 1.0, 1e-12));
    assert!(by_lag[6..].iter().all(|&r2| r2 < 0.01), "{by_lag:?}");
    assert_close(capacity.total(), 6.0, 0.02);
}

#[test]
fn a_linear_orthogonal_reservoir_has_as_much_as_it_has_units() {
    let (units, steps) = (8, 24_000);
    let mut rng = bptt_layers::rng(1);
    let mut reservoir = EchoState::<f64>::new(&mut rng, 1, units).activation(Activation::Identity);
    reservoir.w_hh.set(Init::Orthogonal { gain: 0.9 }.tensor(&mut rng, [units, units]));
    let dynamics = Dynamics::new(&reservoir);
    let capacity = dynamics.memory_capacity().lags(80).ridge(0.0).run(&inputs(steps)).unwrap();
    let standard_error = 2.0 * units as f64 / (steps as f64).sqrt();
    assert_close(capacity.total(), units as f64, 3.0 * standard_error);
}

/// The ridge is relative to the states, so that the unit of the inputs does not matter.
#[test]
fn a_linear_reservoir_has_the_same_for_inputs_of_any_size() {
    let rng = &mut bptt_layers::rng(1);
    let reservoir = EchoState::<f64>::new(rng, 1, 10).activation(Activation::Identity);
    let dynamics = Dynamics::new(&reservoir);
    let of = |scale: f64| dynamics.memory_capacity().run(&(inputs(2000) * scale)).unwrap().total();
    assert_close(of(1e-6), of(1.0), 1e-6);
}

#[test]
fn saturation_costs_memory() {
    let mut rng = bptt_layers::rng(1);
    let reservoir = EchoState::<f64>::new(&mut rng, 1, 20);
    let dynamics = Dynamics::new(&reservoir);
    let of = |scale: f64| dynamics.memory_capacity().run(&(inputs(3000) * scale)).unwrap().total();
    let (linear, saturated) = (of(0.01), of(10.0));
    assert!(saturated < 0.5 * linear && linear < 20.5, "{saturated} and {linear}");
}

#[test]
fn a_network_without_feedback_remembers_the_present_only() {
    let mut cell =
        Elman::<f64>::new(&mut bptt_layers::rng(0), 1, 3).activation(Activation::Identity);
    cell.w_hh.set(Tensor::zeros([3, 3]));
    let capacity = Dynamics::new(&cell).memory_capacity().run(&inputs(3000)).unwrap();
    assert_close(capacity.by_lag()[0], 1.0, 1e-12);
    assert_close(capacity.total(), 1.0, 0.01);
}

#[test]
fn a_short_run_or_a_dead_unit_without_a_ridge_are_errors() {
    let line = DelayLine { units: 6 };
    let error = Dynamics::new(&line).memory_capacity().washout(0).run(&inputs(39)).unwrap_err();
    assert_eq!(error, DynamicsError::TooShort { steps: 39, needed: 40 });
    let mut cell =
        Elman::<f64>::new(&mut bptt_layers::rng(0), 1, 2).activation(Activation::Identity);
    cell.w_hh.set(Tensor::zeros([2, 2]));
    cell.w_ih.set(Tensor::from([[1.0, 0.0]]));
    let error = Dynamics::new(&cell).memory_capacity().ridge(0.0).run(&inputs(500)).unwrap_err();
    assert_eq!(error, DynamicsError::SingularRegression);
    cell.w_ih.set(Tensor::zeros([1, 2]));
    let silent = Dynamics::new(&cell).memory_capacity().run(&inputs(500)).unwrap();
    assert_eq!(silent.by_lag(), [0.0; 5]);
}
