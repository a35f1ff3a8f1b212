//! Iterations of Levenberg and Marquardt beside those of pyrenn 0.1, from the same weights and damping.
//!
//! A file holds 100 inputs, the weights, and the squared errors of pyrenn after each iteration. The nets are those of two of
//! its dynamic examples. They have two layers of `tanh` units and an output, whose earlier values the first layer reads.

use bptt_autodiff::Var;
use bptt_layers::Linear;
use bptt_tensor::Tensor;
use bptt_trainers::{LevenbergMarquardt, Objective, Trainer, vector_to_parameters};

type Net = (Linear<f64>, Linear<f64>, Linear<f64>);

/// Example 4 of Narendra and Parthasarathy (1990), and layers of 3, 3 and 1 units, the first of which reads the last two inputs
/// and the last three outputs.
#[test]
fn a_plant_is_identified_like_by_pyrenn() {
    follows(include_str!("pyrenn_plant.txt"), [2, 3], 3, |[u1, u2], [y1, y2, y3], _| {
        (y1 * y2 * y3 * u2 * (y3 - 1.0) + u1) / (1.0 + y2 * y2 + y3 * y3)
    });
}

/// A lag of second order, and layers of 2, 2 and 1 units, the first of which reads the input and the last two outputs.
#[test]
fn a_lag_is_identified_like_by_pyrenn() {
    follows(include_str!("pyrenn_lag.txt"), [0, 2], 2, |_, [y1, y2, _], u| {
        1.6 * y1 - 0.7 * y2 + 0.1 * u
    });
}

/// Compares all errors of a file. The first layer of `width` units reads so many earlier inputs, or if there are none the
/// present one, and so many earlier outputs. The system computes an output from earlier inputs and outputs, the
/// latest first, and the present input.
fn follows(
    file: &str,
    [input_lags, output_lags]: [usize; 2],
    width: usize,
    system: impl Fn([f64; 2], [f64; 3], f64) -> f64,
) {
    let numbers = |line: &str| line.split(' ').map(|it| it.parse().unwrap()).collect();
    let lines: Vec<Vec<f64>> = file.lines().map(numbers).collect();
    let [inputs, weights, errors] = &lines[..] else { panic!("three lines") };
    assert!(errors.len() >= 30);
    let mut outputs: Vec<f64> = Vec::new();
    for (t, &input) in inputs.iter().enumerate() {
        let before = |values: &[f64], lag: usize| if lag <= t { values[t - lag] } else { 0.0 };
        let [earlier, fed_back] = [&inputs[..], &outputs];
        let earlier = [1, 2].map(|lag| before(earlier, lag));
        let fed_back = [1, 2, 3].map(|lag| before(fed_back, lag));
        outputs.push(system(earlier, fed_back, input));
    }
    let largest = outputs.iter().fold(1.0, |largest: f64, y| largest.max(y.abs())); // as pyrenn scales
    let [inputs, targets] = [inputs, &outputs].map(|it| Tensor::from_slice([100, 1, 1], it));
    let targets = targets * (1.0 / largest);

    let linear = |inputs, outputs| Linear::new(&mut bptt_layers::rng(0), inputs, outputs);
    let read = input_lags.max(1) + output_lags;
    let mut net: Net = (linear(read, width), linear(width, width), linear(width, 1));
    vector_to_parameters(&Tensor::from_slice([weights.len()], weights), &mut net);
    let mut trainer = LevenbergMarquardt::new().damping(3.0);
    for (iteration, &error) in errors.iter().enumerate() {
        let progress = trainer.step(&mut net, &|net: &Net, tape| {
            let start = vec![tape.constant(Tensor::zeros([1, 1])); input_lags + output_lags];
            let scan = tape.scan(tape.constant(inputs.clone()), start);
            let scanned = scan.run(|u, past| {
                let (us, ys) = past.split_at(input_lags);
                let us_read = if us.is_empty() { &[u][..] } else { us };
                let h = net.0.forward(Var::concat(&[us_read, ys].concat(), 1)).tanh();
                let y = net.2.forward(net.1.forward(h).tanh());
                let us = [&[u], us].concat();
                let ys = [&[y], ys].concat();
                (y, [&us[..input_lags], &ys[..output_lags]].concat())
            });
            Objective::squares(scanned.outputs - &targets)
        });
        let ours = 2.0 * progress.unwrap().loss;
        assert!((ours - error).abs() < 1e-6 * error, "iteration {iteration}: {ours}, not {error}");
    }
}
