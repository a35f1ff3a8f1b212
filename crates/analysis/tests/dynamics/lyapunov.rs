//! Lyapunov exponents.

use bptt_analysis::dynamics::{Dynamics, DynamicsError, LyapunovSpectrum};
use bptt_layers::{Activation, Gru, Lstm, Stepwise};
use bptt_tensor::Tensor;

use super::systems::{
    DelayLine, Henon, Logistic, Root, assert_close, autonomous, rotation, with_eigenvalues,
};

fn silence(steps: usize, batch: usize) -> Tensor<f64> {
    Tensor::zeros([steps, batch, 1])
}

fn spectrum_of(layer: &impl Stepwise<f64>, start: &Tensor<f64>, steps: usize) -> LyapunovSpectrum {
    let dynamics = Dynamics::new(layer).start(start);
    dynamics.lyapunov().transient(100).run(&silence(steps, start.shape()[0])).expect("a spectrum")
}

#[test]
fn those_of_a_linear_system_are_the_logarithms_of_its_eigenvalues() {
    let values = [1.2, -0.9, 0.5, 0.1];
    let cell = autonomous(&with_eigenvalues(&values), Activation::Identity);
    let spectrum = spectrum_of(&cell, &Tensor::zeros([1, 4]), 200);
    for (exponent, value) in spectrum.exponents().iter().zip(values) {
        assert_close(*exponent, f64::ln(value.abs()), 1e-9);
    }
    assert!(spectrum.standard_errors().iter().all(|&error| error < 1e-9));
}

#[test]
fn a_complex_pair_has_the_logarithm_of_its_magnitude_twice() {
    let cell = autonomous(&rotation(0.8, 1.0), Activation::Identity);
    let spectrum = spectrum_of(&cell, &Tensor::zeros([1, 2]), 200);
    for exponent in spectrum.exponents() {
        assert_close(*exponent, 0.8_f64.ln(), 1e-13);
    }
}

#[test]
fn that_of_the_logistic_map_is_ln_2() {
    let cell = Logistic { r: 4.0 };
    let starts = Tensor::from([[0.2], [0.37], [0.61], [0.83]]);
    let spectrum = spectrum_of(&cell, &starts, 5000);
    assert_close(spectrum.exponents()[0], 2_f64.ln(), 5e-4);
    assert!(spectrum.standard_errors()[0] < 5e-3);
    assert_eq!(spectrum.entropy_rate(), Some(spectrum.exponents()[0]));
    assert_close(spectrum.kaplan_yorke_dimension().unwrap(), 1.0, 0.0);
}

#[test]
fn that_of_the_logistic_map_in_its_period_of_two_is_known() {
    // f² has the slope 4 + 2 r − r² on the cycle
    let r = 3.2_f64;
    let spectrum = spectrum_of(&Logistic { r }, &Tensor::from([[0.3]]), 500);
    assert_close(spectrum.exponents()[0], (4.0 + 2.0 * r - r * r).abs().ln() / 2.0, 1e-12);
    assert_close(spectrum.kaplan_yorke_dimension().unwrap(), 0.0, 0.0);
}

#[test]
fn those_of_the_henon_map_are_the_published_ones() {
    let mut rng = bptt_layers::rng(0);
    let starts = Tensor::uniform([8, 2], -0.1, 0.1, &mut rng);
    let spectrum = spectrum_of(&Henon, &starts, 4000);
    let [first, second] = spectrum.exponents()[..] else { panic!("two exponents") };
    assert_close(first, 0.41922, 5e-3);
    assert_close(second, -1.62319, 5e-3);
    assert_close(first + second, 0.3_f64.ln(), 1e-12); // the determinant is −0.3 everywhere
    let error = spectrum.standard_errors()[0];
    assert!((first - 0.41922).abs() < 4.0 * error && error < 5e-3, "{error}");
    assert_close(spectrum.kaplan_yorke_dimension().unwrap(), 1.258, 5e-3);
}

#[test]
fn their_sum_is_the_mean_logarithm_of_the_determinants() {
    let mut rng = bptt_layers::rng(0);
    let lstm = Lstm::<f64>::new(&mut rng, 1, 3);
    let xs = Tensor::normal([40, 1, 1], 0.0, 1.0, &mut rng);
    let dynamics = Dynamics::new(&lstm);
    let spectrum = dynamics.lyapunov().run(&xs).unwrap();
    // the product of the singular values is the magnitude of the determinant
    let singular = dynamics.jacobians(&xs, 0).unwrap().singular_values().unwrap();
    let expected = singular.iter().map(|value| value.ln()).sum::<f64>() / 40.0;
    assert_close(spectrum.exponents().iter().sum(), expected, 1e-11);
}

#[test]
fn the_first_is_the_growth_of_the_norm_of_the_product_of_all_jacobians() {
    let mut rng = bptt_layers::rng(0);
    let gru = Gru::<f64>::new(&mut rng, 1, 5);
    let xs = Tensor::normal([60, 1, 1], 0.0, 1.0, &mut rng);
    let dynamics = Dynamics::new(&gru);
    let spectrum = dynamics.lyapunov().run(&xs).unwrap();
    let chain = dynamics.jacobians(&xs, 0).unwrap().chain().unwrap();
    let growth = chain.norms()[[59, 0]].ln() / 59.0;
    assert_close(spectrum.exponents()[0], growth, 1.0 / 60.0); // directions turn at first, by 1/T
}

#[test]
fn the_interval_between_decompositions_does_not_change_them() {
    let dynamics = Dynamics::new(&Henon);
    let every = |interval| {
        let run = dynamics.lyapunov().transient(20).interval(interval).run(&silence(1020, 1));
        run.unwrap()
    };
    let (each, fifth) = (every(1), every(5));
    for (one, other) in each.exponents().iter().zip(fifth.exponents()) {
        assert_close(*one, *other, 1e-10);
    }
    assert_eq!((each.interval(), each.history().shape().as_ref()), (1, [1000, 2].as_slice()));
    assert_eq!((fifth.interval(), fifth.history().shape().as_ref()), (5, [200, 2].as_slice()));
    assert_eq!(fifth.history().index_first(199).as_slice(), fifth.exponents());
}

#[test]
fn the_largest_few_are_the_first_of_all() {
    let cell = autonomous(&with_eigenvalues(&[1.2, -0.9, 0.5, 0.1]), Activation::Identity);
    let dynamics = Dynamics::new(&cell);
    let spectrum = dynamics.lyapunov().exponents(2).transient(100).run(&silence(200, 1)).unwrap();
    assert_eq!(spectrum.exponents().len(), 2);
    assert_close(spectrum.exponents()[1], 0.9_f64.ln(), 1e-9);
    assert_eq!(spectrum.kaplan_yorke_dimension(), None); // ln 1.2 + ln 0.9 > 0: more are needed
    assert_eq!(spectrum.entropy_rate(), Some(spectrum.exponents()[0]));
    let first = dynamics.lyapunov().exponents(1).run(&silence(100, 1)).unwrap();
    assert_eq!(first.entropy_rate(), None);
}

#[test]
fn directions_that_steps_remove_shrink_to_rounding_errors() {
    // three steps remove everything
    let spectrum = spectrum_of(&DelayLine { units: 3 }, &Tensor::zeros([1, 3]), 200);
    assert!(spectrum.exponents()[0] < f64::EPSILON.ln() / 3.0, "{spectrum:?}");
    let silent = autonomous(&Tensor::zeros([2, 2]), Activation::Tanh);
    let spectrum = spectrum_of(&silent, &Tensor::zeros([1, 2]), 200);
    assert_eq!(spectrum.exponents(), [f64::NEG_INFINITY; 2]);
}

#[test]
fn a_run_that_is_too_short_or_diverges_is_an_error() {
    let dynamics = Dynamics::new(&Logistic { r: 4.0 }).start(&Tensor::from([[2.0]]));
    let lyapunov = dynamics.lyapunov().transient(10).interval(5);
    let error = lyapunov.run(&silence(19, 1)).unwrap_err();
    assert_eq!(error, DynamicsError::TooShort { steps: 19, needed: 20 });
    let error = lyapunov.run(&silence(20, 1)).unwrap_err();
    assert!(matches!(error, DynamicsError::NonFinite { .. }), "{error}");
    let cell = autonomous(&Tensor::from([[1e9]]), Activation::Identity);
    let dynamics = Dynamics::new(&cell);
    let error = dynamics.lyapunov().interval(40).run(&silence(80, 1)).unwrap_err();
    assert!(matches!(error, DynamicsError::NonFinite { index: 39, .. }), "{error}");
}

#[test]
#[should_panic(expected = "a state of dimension 2 has 1 to 2 exponents, not 3")]
fn more_exponents_than_dimensions_are_refused() {
    let _ = Dynamics::<f64, _>::new(&Henon).lyapunov().exponents(3);
}

/// An interval shrinks to 10⁻²⁰⁰, whose square is 0.
#[test]
fn growth_whose_square_underflows_counts() {
    let cell = autonomous(&Tensor::from([[1e-5]]), Activation::Identity);
    let dynamics = Dynamics::new(&cell);
    let spectrum = dynamics.lyapunov().interval(40).run(&silence(80, 1)).unwrap();
    assert_close(spectrum.exponents()[0], 1e-5_f64.ln(), 1e-12);
}

#[test]
fn an_error_names_the_step_of_the_run() {
    let xs = Tensor::from_fn([5000, 1, 1], |t| if t == 4499 { 0.0 } else { 1.0 });
    let dynamics = Dynamics::<f64, _>::new(&Root).start(&Tensor::ones([1, 1]));
    let error = dynamics.lyapunov().run(&xs).unwrap_err();
    let quantity = "the Jacobian of step";
    assert_eq!(error, DynamicsError::NonFinite { quantity, index: 4500 });
}
