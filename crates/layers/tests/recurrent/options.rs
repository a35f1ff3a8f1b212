//! Cells with other activations, compared with their equations number by number.

use bptt_autodiff::{Param, Tape, Tree};
use bptt_layers::{
    Activation, CoupledLstm, EchoState, Elman, Gru, Layer, LayerNorm, LayerNormGru, LayerNormLstm,
    Linear, Lstm, Lstm1997, MemoryBlocks, MinGru, MinLstm, MinimalGatedUnit, Module,
    OutputToHidden, PeepholeLstm, ProjectedLstm, Recurrence, Reset, State, Table,
};
use bptt_tensor::Tensor;

use crate::support::{
    Random, Sizes, TestCell, assert_near, parameter, random, randomized, run, scanned, uniform,
    unrolled,
};

pub(crate) const INPUT: usize = 3;
pub(crate) const HIDDEN: usize = 4;

/// Functions for the gates, the candidate and the state, none of which is a default.
const GATE: Activation<f64> = Activation::HardSigmoid { slope: 0.2 };
const CANDIDATE: Activation<f64> = Activation::Softplus;

fn state_table() -> Table {
    Table::linear(f64::tanh, -4.0..=4.0, 17)
}

/// `σ̂`, `g` and `h` of the equations, from their definitions.
fn gate(x: f64) -> f64 {
    (0.2 * x + 0.5).clamp(0.0, 1.0)
}

fn g(x: f64) -> f64 {
    x.exp().ln_1p()
}

/// The straight line between the nearest entries, which are half a unit apart.
fn h(x: f64) -> f64 {
    let left = (2.0 * x).floor() / 2.0;
    let [low, high] = [left, left + 0.5].map(f64::tanh);
    low + (x - left) / 0.5 * (high - low)
}

/// Sets these functions: three of them, or two for cells without a function of the state.
macro_rules! with_functions {
    ($cell:expr, state) => {
        with_functions!($cell).state_activation(Activation::Table(state_table()))
    };
    ($cell:expr) => {
        $cell.gate_activation(GATE).candidate_activation(CANDIDATE)
    };
}

pub(crate) type Row = Vec<f64>;

/// Compares a step of a cell with random parameters with its equations. They compute the output and the next state from
/// `x` and the variables of the state.
pub(crate) fn check<C: TestCell>(
    make: impl FnOnce(&mut Random) -> C,
    by_hand: impl Fn(&dyn Fn(&str) -> Tensor<f64>, &[f64], &[Row]) -> (Row, Vec<Row>),
) {
    let rng = &mut random(11);
    let cell = make(rng);
    let cell = randomized(cell, rng);
    let x = uniform([1, INPUT], rng);
    let state: Vec<_> =
        cell.state_sizes().into_iter().map(|size| uniform([1, size], rng)).collect();
    let tape = Tape::new();
    let (y, next) = cell.step(tape.constant(x.clone()), C::State::from_values(&tape, &state));
    let computed = [vec![y.value()], next.values()].concat();
    let rows: Vec<Row> = state.iter().map(Tensor::to_vec).collect();
    let (y, next) = by_hand(&|name| parameter(&cell, name), x.as_slice(), &rows);
    let expected: Vec<_> = std::iter::once(y)
        .chain(next)
        .map(|row| Tensor::from_slice([1, row.len()], &row))
        .collect();
    assert_near(&computed, &expected, 1e-14);
}

pub(crate) fn times(x: &[f64], w: &Tensor<f64>) -> Row {
    let entry = |column| x.iter().enumerate().map(|(row, x)| x * w[[row, column]]).sum();
    (0..w.shape()[1]).map(entry).collect()
}

pub(crate) fn plus(a: &[f64], b: &[f64]) -> Row {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

/// Computes the values unit by unit.
pub(crate) fn units(unit: impl Fn(usize) -> f64) -> Row {
    (0..HIDDEN).map(unit).collect()
}

/// The net inputs `x W_ih + h W_hh + b`.
fn net(p: &dyn Fn(&str) -> Tensor<f64>, x: &[f64], h: &[f64]) -> Row {
    plus(&plus(&times(x, &p("w_ih")), &times(h, &p("w_hh"))), p("b").as_slice())
}

#[test]
fn lstm() {
    check(
        |rng| with_functions!(Lstm::new(rng, INPUT, HIDDEN), state),
        |p, x, state| {
            let net = net(p, x, &state[0]);
            let of = |part: usize, k: usize| net[part * HIDDEN + k];
            let c = units(|k| gate(of(1, k)) * state[1][k] + gate(of(0, k)) * g(of(2, k)));
            let y = units(|k| gate(of(3, k)) * h(c[k]));
            (y.clone(), vec![y, c])
        },
    );
}

#[test]
fn projected_lstm() {
    check(
        |rng| with_functions!(ProjectedLstm::new(rng, INPUT, HIDDEN, 2), state),
        |p, x, state| {
            let net = net(p, x, &state[0]);
            let of = |part: usize, k: usize| net[part * HIDDEN + k];
            let c = units(|k| gate(of(1, k)) * state[1][k] + gate(of(0, k)) * g(of(2, k)));
            let y = times(&units(|k| gate(of(3, k)) * h(c[k])), &p("w_hr"));
            (y.clone(), vec![y, c])
        },
    );
}

#[test]
fn peephole_lstm() {
    check(
        |rng| with_functions!(PeepholeLstm::new(rng, INPUT, HIDDEN), state),
        |p, x, state| {
            let net = net(p, x, &state[0]);
            let of = |part: usize, k: usize| net[part * HIDDEN + k];
            let peep = |name: &str, k: usize| p(&format!("peepholes.p_{name}")).as_slice()[k];
            let before = &state[1];
            let i = units(|k| gate(of(0, k) + peep("i", k) * before[k]));
            let f = units(|k| gate(of(1, k) + peep("f", k) * before[k]));
            let c = units(|k| f[k] * before[k] + i[k] * g(of(2, k)));
            let y = units(|k| gate(of(3, k) + peep("o", k) * c[k]) * h(c[k]));
            (y.clone(), vec![y, c])
        },
    );
}

#[test]
fn coupled_lstm() {
    check(
        |rng| with_functions!(CoupledLstm::new(rng, INPUT, HIDDEN), state),
        |p, x, state| {
            let net = net(p, x, &state[0]);
            let of = |part: usize, k: usize| net[part * HIDDEN + k];
            let f = units(|k| gate(of(0, k)));
            let c = units(|k| f[k] * state[1][k] + (1.0 - f[k]) * g(of(1, k)));
            let y = units(|k| gate(of(2, k)) * h(c[k]));
            (y.clone(), vec![y, c])
        },
    );
}

#[test]
fn lstm_1997() {
    check(
        |rng| with_functions!(Lstm1997::new(rng, INPUT, HIDDEN), state),
        |p, x, state| {
            let net = net(p, x, &state[0]);
            let of = |part: usize, k: usize| net[part * HIDDEN + k];
            let c = units(|k| state[1][k] + g(of(0, k)) * gate(of(1, k)));
            let y = units(|k| h(c[k]) * gate(of(2, k)));
            (y.clone(), vec![y, c])
        },
    );
}

/// Two blocks of two cells; the output units have a function of their own.
#[test]
fn memory_blocks() {
    check(
        |rng| {
            let cell = MemoryBlocks::new(rng, INPUT, 2, 2).gate_biases(0.0, 0.0).cell_biases();
            let output = Linear::new(rng, HIDDEN, 2);
            with_functions!(cell.output(output), state).output_activation(Activation::Relu)
        },
        |p, x, state| {
            let bias = [p("b_g").to_vec(), p("b_io").to_vec()].concat();
            let net = plus(&plus(&times(x, &p("w_ih")), &times(&state[0], &p("w_hh"))), &bias);
            let gates: Row = net[HIDDEN..].iter().map(|&net| gate(net)).collect();
            let c = units(|k| state[1][k] + gates[k / 2] * g(net[k]));
            let y = units(|k| gates[2 + k / 2] * h(c[k]));
            let output = plus(&times(&y, &p("w_ho")), p("b_ho").as_slice());
            let output = output.iter().map(|k| k.max(0.0)).collect();
            (output, vec![[y, gates].concat(), c])
        },
    );
}

#[test]
fn gru() {
    for reset in [Reset::After, Reset::Before] {
        check(
            |rng| with_functions!(Gru::new(rng, INPUT, HIDDEN).reset(reset)),
            |p, x, state| {
                let before = &state[0];
                let read = plus(&times(x, &p("w_ih")), p("b").as_slice());
                let fed = times(before, &p("w_hh_rz"));
                let r = units(|k| gate(read[k] + fed[k]));
                let z = units(|k| gate(read[HIDDEN + k] + fed[HIDDEN + k]));
                let recurrent = if reset == Reset::After {
                    let fed = times(before, &p("w_hh_n"));
                    let fed = plus(&fed, p("b_hh_n").as_slice());
                    units(|k| r[k] * fed[k])
                } else {
                    times(&units(|k| r[k] * before[k]), &p("w_hh_n"))
                };
                let n = units(|k| g(read[2 * HIDDEN + k] + recurrent[k]));
                let y = units(|k| (1.0 - z[k]) * n[k] + z[k] * before[k]);
                (y.clone(), vec![y])
            },
        );
    }
}

#[test]
fn minimal_gated_unit() {
    check(
        |rng| with_functions!(MinimalGatedUnit::new(rng, INPUT, HIDDEN)),
        |p, x, state| {
            let before = &state[0];
            let read = plus(&times(x, &p("w_ih")), p("b").as_slice());
            let fed = times(before, &p("w_hh_f"));
            let f = units(|k| gate(read[k] + fed[k]));
            let fed = times(&units(|k| f[k] * before[k]), &p("w_hh_n"));
            let y = units(|k| (1.0 - f[k]) * before[k] + f[k] * g(read[HIDDEN + k] + fed[k]));
            (y.clone(), vec![y])
        },
    );
}

#[test]
fn min_gru() {
    check(
        |rng| with_functions!(MinGru::new(rng, INPUT, HIDDEN)),
        |p, x, state| {
            let net = plus(&times(x, &p("w_ih")), p("b").as_slice());
            let z = units(|k| gate(net[k]));
            let y = units(|k| (1.0 - z[k]) * state[0][k] + z[k] * g(net[HIDDEN + k]));
            (y.clone(), vec![y])
        },
    );
}

/// Computes the quotient of the gates as the paper writes it.
#[test]
fn min_lstm() {
    check(
        |rng| with_functions!(MinLstm::new(rng, INPUT, HIDDEN)),
        |p, x, state| {
            let net = plus(&times(x, &p("w_ih")), p("b").as_slice());
            let of = |part: usize, k: usize| net[part * HIDDEN + k];
            let both = |k: usize| gate(of(0, k)) + gate(of(1, k));
            let y = units(|k| {
                gate(of(0, k)) / both(k) * state[0][k] + gate(of(1, k)) / both(k) * g(of(2, k))
            });
            (y.clone(), vec![y])
        },
    );
}

pub(crate) const EPSILON: f64 = 0.25;

/// The normalized features, with the gain and the bias of this norm.
pub(crate) fn normalized(p: &dyn Fn(&str) -> Tensor<f64>, norm: &str, x: &[f64]) -> Row {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64;
    let [gain, bias] = ["gain", "bias"].map(|name| p(&format!("{norm}{name}")).to_vec());
    let entry = |k: usize| (x[k] - mean) / (variance + EPSILON).sqrt() * gain[k] + bias[k];
    (0..x.len()).map(entry).collect()
}

#[test]
fn layer_norm() {
    let rng = &mut random(3);
    let norm = randomized(LayerNorm::new(HIDDEN).epsilon(EPSILON), rng);
    let x = uniform([1, HIDDEN], rng);
    let tape = Tape::new();
    let computed = norm.forward(tape.constant(x.clone())).value();
    let expected = normalized(&|name| parameter(&norm, name), "", x.as_slice());
    assert_near(&[computed], &[Tensor::from_slice([1, HIDDEN], &expected)], 1e-14);
}

#[test]
fn layer_norm_lstm() {
    check(
        |rng| {
            let cell = LayerNormLstm::new(rng, INPUT, HIDDEN).peepholes(true).epsilon(EPSILON);
            with_functions!(cell, state)
        },
        |p, x, state| {
            let read = normalized(p, "norm_ih.", &times(x, &p("w_ih")));
            let fed = normalized(p, "norm_hh.", &times(&state[0], &p("w_hh")));
            let net = plus(&plus(&read, &fed), p("b").as_slice());
            let of = |part: usize, k: usize| net[part * HIDDEN + k];
            let peep = |name: &str, k: usize| p(&format!("peepholes.p_{name}")).as_slice()[k];
            let before = &state[1];
            let i = units(|k| gate(of(0, k) + peep("i", k) * before[k]));
            let f = units(|k| gate(of(1, k) + peep("f", k) * before[k]));
            let c = units(|k| f[k] * before[k] + i[k] * g(of(2, k)));
            let seen = normalized(p, "norm_c.", &c);
            let y = units(|k| gate(of(3, k) + peep("o", k) * c[k]) * h(seen[k]));
            (y.clone(), vec![y, c])
        },
    );
}

/// The equations of Ba, Kiros and Hinton, with an update gate that keeps the state. They are computed with the default
/// functions and with others.
#[test]
fn layer_norm_gru() {
    let by_hand = |p: &dyn Fn(&str) -> Tensor<f64>,
                   x: &[f64],
                   before: &[f64],
                   [gate, g]: [fn(f64) -> f64; 2]| {
        let (read, fed) = (times(x, &p("w_ih")), times(before, &p("w_hh")));
        let gates = plus(
            &normalized(p, "norm_ih_rz.", &read[..2 * HIDDEN]),
            &normalized(p, "norm_hh_rz.", &fed[..2 * HIDDEN]),
        );
        let read = normalized(p, "norm_ih_n.", &read[2 * HIDDEN..]);
        let fed = normalized(p, "norm_hh_n.", &fed[2 * HIDDEN..]);
        let z = units(|k| gate(gates[HIDDEN + k]));
        let n = units(|k| g(read[k] + gate(gates[k]) * fed[k]));
        let y = units(|k| (1.0 - z[k]) * n[k] + z[k] * before[k]);
        (y.clone(), vec![y])
    };
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    check(
        |rng| LayerNormGru::new(rng, INPUT, HIDDEN).epsilon(EPSILON),
        |p, x, state| by_hand(p, x, &state[0], [sigmoid, f64::tanh]),
    );
    check(
        |rng| with_functions!(LayerNormGru::new(rng, INPUT, HIDDEN).epsilon(EPSILON)),
        |p, x, state| by_hand(p, x, &state[0], [gate, g]),
    );
}

#[test]
fn cells_without_gates() {
    let by_hand = |p: &dyn Fn(&str) -> Tensor<f64>, x: &[f64], before: &[f64], recurrent: &str| {
        let net = plus(&times(x, &p("w_ih")), &times(before, &p(recurrent)));
        plus(&net, p("b").as_slice()).into_iter().map(g).collect::<Row>()
    };
    check(
        |rng| OutputToHidden::new(rng, INPUT, HIDDEN, 2).activation(CANDIDATE),
        |p, x, state| {
            let hidden = by_hand(p, x, &state[0], "w_oh");
            let o = plus(&times(&hidden, &p("w_ho")), p("b_ho").as_slice());
            (o.clone(), vec![o])
        },
    );
    for leak in [1.0, 0.25] {
        check(
            |rng| EchoState::new(rng, INPUT, HIDDEN).leak(leak).activation(CANDIDATE),
            |p, x, state| {
                let new = by_hand(p, x, &state[0], "w_hh");
                let y = units(|k| (1.0 - leak) * state[0][k] + leak * new[k]);
                (y.clone(), vec![y])
            },
        );
    }
}

/// The default functions of cells, as their fields show them.
#[test]
fn functions_can_be_read() {
    let lstm = Lstm::<f64>::new(&mut random(0), 2, 2);
    assert!(matches!(lstm.gate_activation, Activation::Sigmoid));
    assert!(matches!(lstm.candidate_activation, Activation::Tanh));
    assert!(matches!(lstm.state_activation, Activation::Tanh));
    let w_ih = Param::new(Tensor::ones([2, 8]));
    let same = Lstm { w_ih, ..lstm };
    assert_eq!(parameter(&same, "w_ih"), Tensor::ones([2, 8]));
}

/// The output layer of an Elman network equals an output layer above any layer.
#[test]
fn output_layers() {
    let rng = &mut random(5);
    let within = Elman::new(rng, INPUT, HIDDEN).output(rng, 2, Activation::Sigmoid);
    let within = randomized(within, rng);
    let Elman { w_ho: Some(w), b_ho: b, .. } = within.clone() else { panic!("an output layer") };
    let hidden = Elman { w_ho: None, b_ho: None, ..within.clone() };
    let above = (hidden, (Linear { w, b }, Activation::Sigmoid));
    let tape = Tape::new();
    let xs = tape.constant(uniform([5, 2, INPUT], rng));
    assert_eq!(above.forward(xs).0.value(), within.forward(xs).0.value());
    assert_eq!(above.parameter_count(), within.parameter_count());
}

/// Gates, candidates and states that are read from tables: compiled, they compute what a loop does.
#[test]
fn tables_everywhere() {
    let rng = &mut random(12);
    let gate = || Activation::Table(Table::range_addressable(gate, -2.0..=2.0, 64));
    let candidate = || Activation::Table(Table::nearest(f64::tanh, -4.0..=4.0, 64));
    let state = || Activation::Table(state_table());
    let lstm =
        Lstm::new(rng, INPUT, HIDDEN).gate_activation(gate()).candidate_activation(candidate());
    compiled_as_in_a_loop(&randomized(lstm.state_activation(state()), rng), rng);
    let gru =
        Gru::new(rng, INPUT, HIDDEN).gate_activation(gate()).candidate_activation(candidate());
    compiled_as_in_a_loop(&randomized(gru, rng), rng);
    let cell = Elman::new(rng, INPUT, HIDDEN).activation(state()).output(rng, 2, gate());
    compiled_as_in_a_loop(&randomized(cell, rng), rng);
}

fn compiled_as_in_a_loop<C: TestCell>(cell: &C, rng: &mut Random) {
    let sizes = Sizes { steps: 5, batch: 2, input: INPUT, hidden: HIDDEN, output: 2 };
    let inputs = sizes.inputs(cell, rng);
    let [scanned, unrolled] = [run(cell, &inputs, scanned), run(cell, &inputs, unrolled)];
    assert_near(&scanned.values, &unrolled.values, 1e-13);
    assert_near(&scanned.gradients.inputs, &unrolled.gradients.inputs, 1e-12);
    assert_near(&scanned.gradients.parameters, &unrolled.gradients.parameters, 1e-12);
    let tape = Tape::new();
    let xs = tape.constant(inputs[0].clone());
    let plan = Recurrence::new(cell).plan(xs, cell.zero_state(&tape, sizes.batch));
    assert!(!plan.contains("operation by operation"), "{plan}");
}
