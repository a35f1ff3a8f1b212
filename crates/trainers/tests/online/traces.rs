//! Traces are exact for elementwise recurrences, and the published truncation for others.

use bptt_layers::{
    Activation, IndRnn, LeakyIntegrateAndFire, LearnedStart, Linear, Lru, Lstm, MinGru, MinLstm,
    Module, Sru, Stepwise, Surrogate, rng,
};
use bptt_tensor::Tensor;
use bptt_trainers::online::{OnlineLearner, Traces};

use super::support::{assert_close, drawn, forward_in_time, inputs, through_time};

#[track_caller]
fn check_exact<L: Stepwise<f64> + Module<f64>>(layer: L) {
    let layer = drawn(layer, 7);
    for batch in [1, 3] {
        let xs = inputs([7, batch, 2], 8);
        let (_, expected) = through_time(&layer, &xs);
        let (_, found) = forward_in_time(&mut Traces::new(), &layer, &xs);
        assert_close(&layer, &found, &expected, 1e-10);
    }
}

#[test]
fn they_are_exact_for_element_wise_recurrences() {
    let rng = &mut rng(0);
    check_exact(IndRnn::new(rng, 2, 3).activation(Activation::Tanh));
    check_exact(IndRnn::new(rng, 2, 5)); // rectified: units are found when they are first active
    check_exact((MinGru::new(rng, 2, 3), Linear::new(rng, 3, 2)));
    check_exact(MinLstm::new(rng, 2, 3));
    check_exact(Sru::new(rng, 2, 3));
    check_exact((Lru::new(rng, 2, 3), Linear::new(rng, 2, 2))); // a trace for each pair of variables
    check_exact(LearnedStart::new(IndRnn::new(rng, 2, 3).activation(Activation::Tanh)));
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// The equations of e-prop for an LSTM of two units and two inputs, one sequence:
///
/// ```text
/// e_t = f_t e_{t−1} + ∂c_t/∂θ,  ∇L_t = (∂L_t/∂h_t) (∂h_t/∂c_t) e_t,  and for the output gate (∂L_t/∂h_t) ∂h_t/∂θ
/// ```
///
/// Returns the gradients of `W_ih: [2, 8]`, `W_hh: [2, 8]`, `b: [8]`.
fn published(lstm: &Lstm<f64>, xs: &Tensor<f64>) -> [Vec<f64>; 3] {
    let (w_ih, w_hh) = (lstm.w_ih.value(), lstm.w_hh.value());
    let b = lstm.b.as_ref().unwrap().value();
    let (mut h, mut c) = ([0.0; 2], [0.0; 2]);
    let mut traces = [[0.0; 8]; 5]; // rows: two inputs, two units, the bias
    let mut sums = [[0.0; 8]; 5];
    for t in 0..xs.shape()[0] {
        let x = xs.index_first(t).to_vec();
        let sources = [x[0], x[1], h[0], h[1], 1.0];
        let net = |gate: usize, unit: usize| -> f64 {
            let column = 2 * gate + unit;
            let weights =
                [0, 1].map(|k| (w_ih.as_slice()[8 * k + column], w_hh.as_slice()[8 * k + column]));
            weights.iter().zip(&x).map(|((w, _), x)| w * x).sum::<f64>()
                + weights.iter().zip(&h).map(|((_, w), h)| w * h).sum::<f64>()
                + b.as_slice()[column]
        };
        let (mut new_h, mut new_c) = (h, c);
        for unit in 0..2 {
            let [i, f, o] = [0, 1, 3].map(|gate| sigmoid(net(gate, unit)));
            let g = net(2, unit).tanh();
            new_c[unit] = f * c[unit] + i * g;
            let tanh = new_c[unit].tanh();
            new_h[unit] = o * tanh;
            // the derivative of the loss `((h − target)² / 2 + weight h) / 2`
            let position = unit as f64;
            let target = (0.4 * position + t as f64).cos();
            let weight = (1.3 * position + 0.7 * t as f64).sin();
            let signal = (new_h[unit] - target + weight) / 2.0;
            let of_net = [g * i * (1.0 - i), c[unit] * f * (1.0 - f), i * (1.0 - g * g)];
            for (source, value) in sources.iter().enumerate() {
                for (gate, derivative) in of_net.iter().enumerate() {
                    let column = 2 * gate + unit;
                    let trace = &mut traces[source][column];
                    *trace = f * *trace + derivative * value;
                    sums[source][column] += signal * o * (1.0 - tanh * tanh) * *trace;
                }
                sums[source][6 + unit] += signal * tanh * o * (1.0 - o) * value;
            }
        }
        (h, c) = (new_h, new_c);
    }
    [sums[0..2].concat(), sums[2..4].concat(), sums[4].to_vec()]
}

#[test]
fn those_of_an_lstm_are_the_published_truncation() {
    let lstm = drawn(Lstm::<f64>::new(&mut rng(0), 2, 2), 9);
    let xs = inputs([9, 1, 2], 10);
    let (_, found) = forward_in_time(&mut Traces::of(["state.1"]), &lstm, &xs);
    let expected = published(&lstm, &xs);
    let b = lstm.b.as_ref().unwrap();
    for (parameter, expected) in [&lstm.w_ih, &lstm.w_hh, b].into_iter().zip(expected) {
        for (found, expected) in found[parameter].iter().zip(expected) {
            assert!((found - expected).abs() < 1e-13, "{found} instead of {expected}");
        }
    }
    // the truncation is an approximation
    let (_, exact) = through_time(&lstm, &xs);
    assert!((&found[&lstm.w_hh] - &exact[&lstm.w_hh]).iter().any(|d| d.abs() > 1e-3));
}

/// e-prop of leaky integrate-and-fire neurons, two of them with one input, by its equations:
///
/// ```text
/// ε_c ← α ε_c + source,  ε_u ← β ε_u + ε_c₋,  ∇L_t = (∂L_t/∂s_t) ψ(u_t − 1) ε_u
/// ```
#[test]
fn those_of_spiking_neurons_are_e_prop() {
    let cell = LeakyIntegrateAndFire::<f64>::new(&mut rng(0), 1, 2);
    let cell = drawn(cell, 26).surrogate(Surrogate::FastSigmoid { beta: 10.0 });
    let xs = inputs([12, 1, 1], 27) * 2.0 + 0.5;
    let (_, found) = forward_in_time(&mut Traces::of(["state.1", "state.2"]), &cell, &xs);

    let weights = [&cell.w_ih, &cell.w_hh, &cell.b].map(|own| own.value().to_vec()).concat();
    let (mut s, mut u, mut c) = ([0.0; 2], [0.0; 2], [0.0; 2]);
    let (mut of_u, mut of_c, mut sums) = ([0.0; 8], [0.0; 8], [0.0; 8]);
    let mut spikes = 0.0;
    for t in 0..12 {
        let sources = [xs.as_slice()[t], s[0], s[1], 1.0];
        for unit in 0..2 {
            u[unit] = cell.membrane_decay * u[unit] + c[unit] - s[unit];
            let driven = sources.iter().zip(weights[unit..].iter().step_by(2)).map(|(x, w)| x * w);
            c[unit] = cell.synaptic_decay * c[unit] + driven.sum::<f64>();
            let spike = if u[unit] > 1.0 { 1.0 } else { 0.0 };
            let (position, time) = (unit as f64, t as f64);
            let target = (0.4 * position + time).cos();
            let weight = (1.3 * position + 0.7 * time).sin();
            let signal = (spike - target + weight) / 2.0;
            let pseudo = 1.0 / (1.0 + 10.0 * (u[unit] - 1.0).abs()).powi(2);
            for (source, value) in sources.iter().enumerate() {
                let own = 2 * source + unit;
                of_u[own] = cell.membrane_decay * of_u[own] + of_c[own];
                of_c[own] = cell.synaptic_decay * of_c[own] + value;
                sums[own] += signal * pseudo * of_u[own];
            }
            s[unit] = spike;
        }
        spikes += s[0] + s[1];
    }
    assert!(spikes > 2.0, "{spikes} spikes");
    let found = [&cell.w_ih, &cell.w_hh, &cell.b].map(|own| found[own].to_vec()).concat();
    for (found, expected) in found.iter().zip(sums) {
        assert!((found - expected).abs() < 1e-13, "{found} instead of {expected}");
    }
}

#[test]
#[should_panic(expected = "the state has no variable `state.2`; it has state.0, state.1")]
fn a_variable_that_does_not_exist_is_named() {
    let lstm = Lstm::<f64>::new(&mut rng(0), 2, 2);
    let _ = Traces::of(["state.2"]).advance(&lstm, &Tensor::ones([1, 2]));
}
