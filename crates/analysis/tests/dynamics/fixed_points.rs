//! Fixed and slow points.

use std::f64::consts::TAU;

use bptt_analysis::dynamics::{Dynamics, DynamicsError, FixedPoint, Stability};
use bptt_layers::{Activation, Elman, Gru, Init, Lstm};
use bptt_tensor::Tensor;

use super::systems::{Counter, Logistic, assert_close, autonomous, rotation};

fn starts(count: usize, size: usize) -> Tensor<f64> {
    Tensor::uniform([count, size], -1.0, 1.0, &mut bptt_layers::rng(0))
}

fn silence() -> Tensor<f64> {
    Tensor::zeros([1])
}

/// Two units that excite themselves by ½ and inhibit each other by 1. Along `(1, −1)` the state grows by 3/2, along
/// `(1, 1)` it shrinks by ½.
fn flip_flop() -> Elman<f64> {
    autonomous(&Tensor::from([[0.5, -1.0], [-1.0, 0.5]]), Activation::Tanh)
}

#[test]
fn a_flip_flop_has_two_stable_points_and_a_saddle_between_them() {
    let cell = flip_flop();
    let found = Dynamics::new(&cell).fixed_points(&silence()).run(&starts(30, 2)).unwrap();
    assert_eq!((found.points().len(), found.starts(), found.failed()), (3, 30, 0));
    let stability = |point: &FixedPoint| point.stability(1e-6);
    let with = |kind| found.fixed().filter(move |&point| stability(point) == kind);

    let saddle = with(Stability::Saddle { growing: 1 }).next().expect("a saddle");
    for (element, expected) in saddle.state.iter().zip([0.0, 0.0]) {
        assert_close(*element, expected, 1e-12);
    }
    assert_close(saddle.modes[0].eigenvalue.re, 1.5, 1e-12);
    assert_close(saddle.modes[1].eigenvalue.re, -0.5, 1e-12);
    assert_close(saddle.modes[0].time_constant(), -1.0 / 1.5_f64.ln(), 1e-12);
    assert_close(saddle.modes[1].frequency(), 0.5, 0.0); // it alternates

    let memories: Vec<_> = with(Stability::Stable).collect();
    assert_eq!(memories.len(), 2);
    let level = 0.858_559_636_640_1; // v = tanh(3/2 v)
    for point in memories {
        assert!(point.q <= 1e-24 && point.speed() <= 1e-11, "{}", point.q);
        assert_close(point.state[[0]].abs(), level, 1e-12);
        assert_close(point.state[[1]], -point.state[[0]], 1e-12);
        let slope = 1.0 - level * level;
        assert_close(point.modes[0].eigenvalue.re, 1.5 * slope, 1e-11);
        assert_close(point.modes[1].eigenvalue.re, -0.5 * slope, 1e-11);
    }
}

#[test]
fn an_input_moves_the_points() {
    let mut cell = flip_flop();
    cell.w_ih.set(Tensor::from([[2.0, -2.0]])); // sets the first unit, resets the second
    let dynamics = Dynamics::new(&cell);
    let found = dynamics.fixed_points(&Tensor::from([1.0])).run(&starts(30, 2)).unwrap();
    let [point] = found.points() else { panic!("{} points", found.points().len()) };
    assert!(point.state[[0]] > 0.99 && point.state[[1]] < -0.99);
}

#[test]
fn an_integrator_has_a_line_of_points_along_which_nothing_decays() {
    // along (3, 4) / 5 the state stays, across it shrinks by ½
    let along = Tensor::from([[0.6], [0.8]]);
    let projection = along.matmul_t(&along);
    let w = Tensor::eye(2) * 0.5 + projection * 0.5;
    let cell = autonomous(&w, Activation::Identity);
    let found = Dynamics::new(&cell).fixed_points(&silence()).run(&starts(25, 2)).unwrap();
    assert!(found.points().len() > 20, "{} points", found.points().len());
    for point in found.points() {
        assert_close(0.8 * point.state[[0]], 0.6 * point.state[[1]], 1e-11);
        assert_close(point.modes[0].eigenvalue.re, 1.0, 1e-12);
        assert!(point.modes[0].time_constant().abs() > 1e10);
        assert_close(point.modes[1].time_constant(), 2_f64.ln().recip(), 1e-12);
        assert_eq!(point.stability(1e-9), Stability::Marginal);
    }
}

#[test]
fn an_integrator_that_leaks_has_slow_points_along_a_line() {
    // h = tanh(h) moves by about h³ / 3 along the first unit; the second forgets at once
    let cell = autonomous(&Tensor::from([[1.0, 0.0], [0.0, 0.0]]), Activation::Tanh);
    let start = Tensor::uniform([25, 2], -0.3, 0.3, &mut bptt_layers::rng(0));
    let visited = Dynamics::new(&cell).start(&start).states(&Tensor::zeros([1, 25, 1])).unwrap();
    let dynamics = Dynamics::new(&cell);
    let search = dynamics.fixed_points(&silence()).descent(0, 0.0).polish(0);
    let found = search.slow_tolerance(1e-5).run(&visited.index_first(0)).unwrap();
    let slow: Vec<_> = found.slow().collect();
    assert!(slow.len() > 10 && found.failed() > 0, "{} slow points", slow.len());
    for point in slow {
        let h = point.state[[0]];
        assert_eq!(point.state[[1]], 0.0);
        assert_close(point.speed(), (h - h.tanh()).abs(), 1e-15);
        assert!(point.speed() < 5e-3 && point.q > 0.0);
        assert_close(point.modes[0].eigenvalue.re, 1.0 - h.tanh().powi(2), 1e-15);
    }
}

#[test]
fn an_oscillator_has_the_frequency_of_its_rotation() {
    let (scale, cycles) = (0.95, 0.07);
    let cell = autonomous(&rotation(scale, TAU * cycles), Activation::Tanh);
    let found = Dynamics::new(&cell).fixed_points(&silence()).run(&starts(10, 2)).unwrap();
    let [point] = found.points() else { panic!("{} points", found.points().len()) };
    assert_eq!(point.stability(1e-6), Stability::Stable);
    for mode in &point.modes {
        assert_close(mode.frequency(), cycles, 1e-12);
        assert_close(mode.time_constant(), -1.0 / scale.ln(), 1e-9);
    }
    assert!(point.modes[0].eigenvalue.im > 0.0 && point.modes[1].eigenvalue.im < 0.0);
}

#[test]
fn a_repelling_point_is_found_though_no_run_goes_there() {
    let cell = Logistic { r: 3.9 };
    let found = Dynamics::new(&cell).fixed_points(&silence()).run(&starts(10, 1)).unwrap();
    let mut states: Vec<f64> = found.fixed().map(|point| point.state[[0]]).collect();
    states.sort_by(f64::total_cmp);
    assert_close(states[0], 0.0, 1e-12);
    assert_close(states[1], 1.0 - 1.0 / 3.9, 1e-12);
    assert!(found.fixed().all(|point| point.stability(1e-6) == Stability::Unstable));
}

#[test]
fn points_of_layers_with_gates_and_several_variables_are_at_rest() {
    let mut rng = bptt_layers::rng(3);
    let strong = Init::Gaussian { mean: 0.0, std: 1.0 };
    let gru = Gru::<f64>::new(&mut rng, 2, 5).recurrent_init(&mut rng, strong);
    let dynamics = Dynamics::new(&gru);
    let input = Tensor::from([0.3, -0.4]);
    let found = dynamics.fixed_points(&input).run(&starts(20, 5)).unwrap();
    let count = found.points().len();
    let moved = dynamics.step(&input.broadcast_to([count, 2]), &found.states());
    for (point, moved) in found.fixed().zip(moved.to_vec2()) {
        let distance = point.state.iter().zip(&moved).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
        assert_close(point.q, 0.5 * distance, 1e-30);
    }
    assert!(found.fixed().count() > 0);

    let lstm = Lstm::<f32>::new(&mut rng, 2, 4);
    let dynamics = Dynamics::new(&lstm);
    let found = dynamics.fixed_points(&input.cast()).run(&starts(10, 8).cast()).unwrap();
    assert!(found.fixed().all(|point| point.speed() < 2e-5 && point.state.len() == 8));
    assert_eq!(found.failed(), 0);
}

#[test]
fn starts_are_states_that_a_run_visits_with_noise() {
    let mut rng = bptt_layers::rng(0);
    let gru = Gru::<f64>::new(&mut rng, 2, 3);
    let xs = Tensor::normal([5, 2, 2], 0.0, 1.0, &mut rng);
    let dynamics = Dynamics::new(&gru);
    let visited = dynamics.states(&xs).unwrap().reshape([10, 3]).to_vec2();
    let starts = dynamics.visited(&xs, 200, 0.0, &mut rng).unwrap().to_vec2();
    assert!(starts.iter().all(|start| visited.contains(start)));
    assert!(visited.iter().all(|state| starts.contains(state)));
    let noisy = dynamics.visited(&xs, 200, 0.1, &mut rng).unwrap().to_vec2();
    let nearest = |start: &Vec<f64>| {
        let distance = |state: &Vec<f64>| {
            state.iter().zip(start).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
        };
        visited.iter().map(distance).fold(f64::INFINITY, f64::min)
    };
    assert!(noisy.iter().all(|start| (1e-6..0.5).contains(&nearest(start))));
    let error = dynamics.visited(&Tensor::zeros([0, 2, 2]), 3, 0.1, &mut rng).unwrap_err();
    assert_eq!(error, DynamicsError::TooShort { steps: 0, needed: 1 });
}

#[test]
fn a_start_that_diverges_does_not_disturb_the_others() {
    let cell = Logistic { r: 3.0 };
    let starts = Tensor::from([[0.1], [f64::NAN], [0.6], [1e200]]);
    let found = Dynamics::new(&cell).fixed_points(&silence()).run(&starts).unwrap();
    assert_eq!((found.points().len(), found.failed()), (2, 2));
}

#[test]
fn a_system_that_never_rests_is_an_error_that_says_how_fast_it_moves() {
    let error = Dynamics::new(&Counter).fixed_points(&silence()).run(&starts(4, 1)).unwrap_err();
    assert_eq!(error, DynamicsError::NoFixedPoint { starts: 4, smallest: 0.5 });
}

#[test]
fn points_within_the_distance_are_one() {
    let cell = flip_flop();
    let dynamics = Dynamics::new(&cell);
    let search = dynamics.fixed_points(&silence()).distance(10.0);
    assert_eq!(search.run(&starts(30, 2)).unwrap().points().len(), 1);
}
