//! Tests of single kinds of cells.

use bptt_autodiff::Tape;
use bptt_layers::{
    Activation, Brc, Cell, Clockwork, CoRnn, ConvLstm, CoupledLstm, DeltaNet, EchoState, Elman,
    ExpRnn, FullyRecurrent, Gru, HyperLstm, IndRnn, Layer, LayerNorm, LayerNormGru, LayerNormLstm,
    LeakyIntegrateAndFire, LegendreMemory, Lem, Linear, LinearAttention, Lru, Lstm, Lstm1997,
    MLstm, MemoryBlocks, MinGru, MinLstm, MinimalGatedUnit, Module, MultiHeadSelectiveScan,
    MultiplicativeLstm, Nbrc, NeuralTuringMachine, OutputToHidden, PeepholeLstm, PhasedLstm,
    ProjectedLstm, RecurrentHighway, Reset, Rwkv7, SLstm, SelectiveScan, Sru, StackRnn, StateSizes,
    Window, unroll,
};
use bptt_tensor::Tensor;
use proptest::prelude::*;

use crate::support::{
    Run, Sizes, V, assert_near, distance, for_all, parameter, random, random_cell, run, sizes,
    uniform, unrolled,
};

const SIZES: Sizes = Sizes { steps: 5, batch: 2, input: 3, hidden: 4, output: 2 };

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// One step is `f_h(x W_ih + h W_hh + b)` and `f_o(h W_ho + b_ho)`.
#[test]
fn elman_equations() {
    let rng = &mut random(0);
    let cell = random_cell::elman_custom_to_sigmoid(rng, SIZES);
    let (x, h0) = (uniform([2, 3], rng), uniform([2, 4], rng));
    let p = |name: &str| parameter(&cell, name);
    let z = x.matmul(&p("w_ih")) + h0.matmul(&p("w_hh")) + p("b");
    let h = z.map(|z| z.sin() + z * 0.1);
    let o = (h.matmul(&p("w_ho")) + p("b_ho")).map(sigmoid);
    let tape = Tape::new();
    let (y, state) = cell.step(tape.constant(x), tape.constant(h0));
    assert_near(&[y.value(), state.value()], &[o, h], 1e-14);
}

/// One step is `tanh(x W_ih + o W_oh + b) W_ho + b_ho`.
#[test]
fn output_to_hidden_equations() {
    let rng = &mut random(0);
    let cell = random_cell::output_to_hidden(rng, SIZES);
    let (x, o) = (uniform([2, 3], rng), uniform([2, 2], rng));
    let p = |name: &str| parameter(&cell, name);
    let h = (x.matmul(&p("w_ih")) + o.matmul(&p("w_oh")) + p("b")).map(f64::tanh);
    let expected = h.matmul(&p("w_ho")) + p("b_ho");
    let tape = Tape::new();
    let (y, state) = cell.step(tape.constant(x), tape.constant(o));
    assert_near(&[y.value(), state.value()], &[expected.clone(), expected], 1e-14);
}

/// One step with the single gate.
#[test]
fn minimal_gated_unit_equations() {
    let rng = &mut random(0);
    let cell = random_cell::minimal_gated_unit(rng, SIZES);
    let (x, h0) = (uniform([2, 3], rng), uniform([2, 4], rng));
    let p = |name: &str| parameter(&cell, name);
    let read = x.matmul(&p("w_ih")) + p("b");
    let f = (read.slice(1, 0..4) + h0.matmul(&p("w_hh_f"))).map(sigmoid);
    let kept = (&f * &h0).matmul(&p("w_hh_n"));
    let candidate = (read.slice(1, 4..8) + &kept).map(f64::tanh);
    let h = f.map(|f| 1.0 - f) * &h0 + &f * &candidate;
    let tape = Tape::new();
    let (y, state) = cell.step(tape.constant(x), tape.constant(h0));
    assert_near(&[y.value(), state.value()], &[h.clone(), h], 1e-14);
}

/// A rectified network that starts from the identity keeps a positive state (Le, Jaitly and Hinton
/// 2015).
#[test]
fn identity_start_keeps_the_state() {
    let rng = &mut random(0);
    let cell = Elman::irnn(rng, 3, 4);
    assert!(parameter(&cell, "w_ih").as_slice().iter().all(|w| w.abs() < 0.01));
    let h0 = uniform([2, 4], rng).map(f64::abs);
    let Run { values, .. } = run(&cell, &[Tensor::zeros([9, 2, 3]), h0.clone()], unrolled);
    assert_eq!(values[1], h0);
}

/// The GRU as published, number by number.
fn gru_by_hand(cell: &Gru<f64>, reset: Reset, xs: &Tensor<f64>, h0: &Tensor<f64>) -> Tensor<f64> {
    let p = |name: &str| parameter(cell, name);
    let (w_ih, w_hh_rz, w_hh_n, b) = (p("w_ih"), p("w_hh_rz"), p("w_hh_n"), p("b"));
    let [steps, batch, input] = xs.shape()[..] else { panic!("[T, B, I]") };
    let hidden = h0.shape()[1];
    let mut hs = Vec::new();
    for s in 0..batch {
        let mut h = h0.index_first(s).to_vec();
        for t in 0..steps {
            let from_x = |column: usize| -> f64 {
                (0..input).map(|i| xs[[t, s, i]] * w_ih[[i, column]]).sum::<f64>() + b[[column]]
            };
            let product = |v: &[f64], w: &Tensor<f64>, column: usize| -> f64 {
                (0..hidden).map(|i| v[i] * w[[i, column]]).sum()
            };
            let gate = |part: usize| -> Vec<f64> {
                let column = |j| part * hidden + j;
                (0..hidden)
                    .map(|j| sigmoid(from_x(column(j)) + product(&h, &w_hh_rz, column(j))))
                    .collect()
            };
            let (r, z) = (gate(0), gate(1));
            let recurrent = |j: usize| {
                if reset == Reset::After {
                    r[j] * (product(&h, &w_hh_n, j) + p("b_hh_n")[[j]])
                } else {
                    let kept: Vec<f64> = r.iter().zip(&h).map(|(r, h)| r * h).collect();
                    product(&kept, &w_hh_n, j)
                }
            };
            let n: Vec<f64> =
                (0..hidden).map(|j| (from_x(2 * hidden + j) + recurrent(j)).tanh()).collect();
            h = (0..hidden).map(|j| (1.0 - z[j]) * n[j] + z[j] * h[j]).collect();
            hs.push(h.clone());
        }
    }
    Tensor::from_vec([batch, steps, hidden], hs.concat()).transpose(0, 1)
}

#[test]
fn gru_equations() {
    for_all(32, (sizes(), any::<u64>()), |(sizes, seed)| {
        let rng = &mut random(seed);
        let after = random_cell::gru_after(rng, sizes);
        let before = random_cell::gru_before(rng, sizes);
        for (reset, cell) in [(Reset::After, after), (Reset::Before, before)] {
            let inputs = sizes.inputs(&cell, rng);
            let by_hand = gru_by_hand(&cell, reset, &inputs[0], &inputs[1]);
            let Run { values, .. } = run(&cell, &inputs, unrolled);
            assert_near(&values[..1], &[by_hand], 1e-13);
        }
    });
}

/// Where the reset gate acts makes a difference, unless the gate is open.
#[test]
fn reset_before_is_not_after() {
    let rng = &mut random(3);
    let before = random_cell::gru_before(rng, SIZES);
    let mut after = random_cell::gru_after(rng, SIZES);
    let mut share = |gate_bias: f64| {
        let mut before = before.clone();
        before.for_each_parameter_mut(|name, param| {
            if name == "b" && gate_bias > 0.0 {
                param.value_mut().as_mut_slice()[..4].fill(gate_bias);
            }
        });
        after.for_each_parameter_mut(|name, param| match name {
            "b_hh_n" => param.set(Tensor::zeros([4])),
            name => param.set(parameter(&before, name)),
        });
        let inputs = SIZES.inputs(&before, &mut random(4));
        let [before, after] = [&before, &after].map(|cell| run(cell, &inputs, unrolled));
        distance(&before.values[0], &after.values[0])
    };
    assert!(share(0.0) > 1e-3);
    assert!(share(60.0) < 1e-12);
}

/// A cell with inputs, targets and the values that the first step reads.
fn teaching(sizes: Sizes, seed: u64) -> (OutputToHidden<f64>, Vec<Tensor<f64>>) {
    let rng = &mut random(seed);
    let cell = random_cell::output_to_hidden(rng, sizes);
    let Sizes { steps, batch, input, output, .. } = sizes;
    let inputs = vec![
        uniform([steps, batch, input], rng),
        uniform([steps, batch, output], rng),
        uniform([batch, output], rng),
    ];
    (cell, inputs)
}

fn taught<'t>(cell: &OutputToHidden<f64>, x: &[V<'t>]) -> Vec<V<'t>> {
    vec![cell.teacher_forced(x[0], x[1], x[2])]
}

/// All steps at once compute the same as one after the other, where each step reads the previous target.
#[test]
fn teacher_forcing_in_parallel() {
    for_all(32, (sizes(), any::<u64>()), |(sizes, seed)| {
        let (cell, inputs) = teaching(sizes, seed);
        let parallel = run(&cell, &inputs, taught);
        let sequential = run(&cell, &inputs, |cell, x| {
            let mut read = x[2];
            let mut ys = Vec::new();
            for t in 0..sizes.steps {
                ys.push(cell.step(x[0].index_first(t), read).0);
                read = x[1].index_first(t);
            }
            match sizes.steps {
                0 => vec![x[1]],
                _ => vec![V::stack(&ys, 0)],
            }
        });
        assert_eq!(parallel.values[0].shape(), inputs[1].shape());
        assert_near(&parallel.values, &sequential.values, 1e-13);
        if sizes.steps > 0 {
            assert_near(&parallel.gradients.inputs, &sequential.gradients.inputs, 1e-12);
        }
        assert_near(&parallel.gradients.parameters, &sequential.gradients.parameters, 1e-12);
    });
}

/// If the targets are the network's own outputs, the outputs stay the same. The gradient differs, since none flows
/// through the targets.
#[test]
fn teacher_forcing_has_its_own_gradient() {
    let (cell, inputs) = teaching(SIZES, 7);
    let free_inputs = [inputs[0].clone(), inputs[2].clone()];
    let free = run(&cell, &free_inputs, |cell, x| vec![unroll(cell, x[0], x[1]).0]);
    let inputs = [inputs[0].clone(), free.values[0].clone(), inputs[2].clone()];
    let forced =
        run(&cell, &inputs, |cell, x| vec![cell.teacher_forced(x[0], x[1].stop_gradient(), x[2])]);
    assert_near(&forced.values, &free.values, 1e-13);
    let (forced, free) = (&forced.gradients.parameters, &free.gradients.parameters);
    assert!(forced.iter().zip(free).all(|(forced, free)| distance(forced, free) > 1e-3));
}

/// The numbers of parameters that the cells' documentation states.
#[test]
fn parameter_counts() {
    let rng = &mut random(0);
    let (i, h, o) = (3, 4, 2);
    let layer = i * h + h * h + h;
    assert_eq!(Elman::<f64>::new(rng, i, h).parameter_count(), layer);
    assert_eq!(Elman::<f64>::new(rng, i, h).bias(false).parameter_count(), layer - h);
    let with_output = Elman::<f64>::new(rng, i, h).output(rng, o, Activation::Softmax);
    assert_eq!(with_output.parameter_count(), layer + h * o + o);
    let output_to_hidden = OutputToHidden::<f64>::new(rng, i, h, o);
    assert_eq!(output_to_hidden.parameter_count(), i * h + o * h + h + h * o + o);
    assert_eq!(Lstm::<f64>::new(rng, i, h).parameter_count(), 4 * layer);
    assert_eq!(Lstm::<f64>::new(rng, i, h).bias(false).parameter_count(), 4 * (layer - h));
    assert_eq!(Gru::<f64>::new(rng, i, h).parameter_count(), 3 * layer + h);
    assert_eq!(Gru::<f64>::new(rng, i, h).reset(Reset::Before).parameter_count(), 3 * layer);
    assert_eq!(Linear::<f64>::new(rng, i, h).parameter_count(), i * h + h);
    assert_eq!(LayerNorm::<f64>::new(i).parameter_count(), 2 * i);
    assert_eq!(Lstm1997::<f64>::new(rng, i, h).parameter_count(), 3 * layer);
    assert_eq!(CoupledLstm::<f64>::new(rng, i, h).parameter_count(), 3 * layer);
    assert_eq!(PeepholeLstm::<f64>::new(rng, i, h).parameter_count(), 4 * layer + 3 * h);
    let normalized = LayerNormLstm::<f64>::new(rng, i, h);
    assert_eq!(normalized.parameter_count(), 4 * layer + 18 * h);
    assert_eq!(normalized.peepholes(true).parameter_count(), 4 * layer + 21 * h);
    let normalized = LayerNormGru::<f64>::new(rng, i, h);
    assert_eq!(normalized.parameter_count(), 3 * (i * h + h * h) + 12 * h);
    let projected = ProjectedLstm::<f64>::new(rng, i, h, o);
    assert_eq!(projected.parameter_count(), 4 * (i * h + o * h + h) + h * o);
    assert_eq!(MinimalGatedUnit::<f64>::new(rng, i, h).parameter_count(), 2 * layer);
    assert_eq!(IndRnn::<f64>::new(rng, i, h).parameter_count(), i * h + 2 * h);
    assert_eq!(EchoState::<f64>::new(rng, i, h).parameter_count(), layer);
    assert_eq!(FullyRecurrent::<f64>::new(rng, i, h).parameter_count(), layer);
    assert_eq!(MinGru::<f64>::new(rng, i, h).parameter_count(), 2 * (i * h + h));
    assert_eq!(MinLstm::<f64>::new(rng, i, h).parameter_count(), 3 * (i * h + h));
    assert_eq!(Window::<f64>::new(rng, i, h, 5).parameter_count(), 5 * i * h + h);
    assert_eq!(CoRnn::<f64>::new(rng, i, h).parameter_count(), layer + h * h);
    assert_eq!(Lem::<f64>::new(rng, i, h).parameter_count(), 4 * layer);
    assert_eq!(Sru::<f64>::new(rng, i, h).parameter_count(), 4 * i * h + 4 * h);
    assert_eq!(Sru::<f64>::new(rng, h, h).parameter_count(), 3 * h * h + 4 * h);
    let highway = RecurrentHighway::<f64>::new(rng, i, h, 5);
    assert_eq!(highway.parameter_count(), 2 * (i * h + 5 * (h * h + h)));
    let highway = RecurrentHighway::<f64>::uncoupled(rng, i, h, 5);
    assert_eq!(highway.parameter_count(), 3 * (i * h + 5 * (h * h + h)));
    let multiplicative = MultiplicativeLstm::<f64>::new(rng, i, h);
    assert_eq!(multiplicative.parameter_count(), 5 * (i * h + h * h) + 4 * h);
    assert_eq!(Brc::<f64>::new(rng, i, h).parameter_count(), 3 * i * h + 2 * h);
    assert_eq!(Nbrc::<f64>::new(rng, i, h).parameter_count(), 3 * i * h + 2 * h * h);
    let legendre = LegendreMemory::<f64>::new(rng, i, h, 5, 9.0);
    assert_eq!(legendre.parameter_count(), (1 + h) * (i + h + 5));
    assert_eq!(ExpRnn::<f64>::new(rng, i, h).parameter_count(), layer);
    assert_eq!(Lru::<f64>::new(rng, i, h).parameter_count(), 4 * i * h + 3 * h + i);
    assert_eq!(PhasedLstm::<f64>::new(rng, i, h).parameter_count(), 4 * layer + 6 * h);
    let exponential = SLstm::<f64>::new(rng, i, h, 2);
    assert_eq!(exponential.parameter_count(), 4 * (i * h + h * h / 2 + h));
    let matrices = MLstm::<f64>::new(rng, i, h, 2);
    assert_eq!(matrices.parameter_count(), 4 * (i * h + h) + 2 * (2 * i + 2));
    assert_eq!(DeltaNet::<f64>::new(rng, i, h, 2).parameter_count(), 3 * i * h + 2 * i);
    let gated = DeltaNet::<f64>::gated(rng, i, h, 2);
    assert_eq!(gated.parameter_count(), 3 * i * h + 2 * i + 2 * i + 4);
    assert_eq!(LinearAttention::<f64>::new(rng, i, h, 2).parameter_count(), 3 * i * h);
    let (n, r) = (5, 2);
    let selective = SelectiveScan::<f64>::new(rng, i, n, r);
    assert_eq!(selective.parameter_count(), 2 * i * (r + n) + i * n + 2 * i);
    let selective = MultiHeadSelectiveScan::<f64>::new(rng, i, h, 2, n);
    assert_eq!(selective.parameter_count(), i * h + 2 * i * n + i * 2 + 3 * 2);
    assert_eq!(Rwkv7::<f64>::new(rng, i, h, 2).parameter_count(), 5 * (i * h + h) + 2 * h);
    assert_eq!(Clockwork::<f64>::new(rng, i, h, &[1, 2]).parameter_count(), layer);
    assert_eq!(LeakyIntegrateAndFire::<f64>::new(rng, i, h).parameter_count(), layer);
    let images = ConvLstm::<f64>::new(rng, [5, 7], i, 2, [3, 3]);
    assert_eq!(images.parameter_count(), 4 * 9 * 2 * (i + 2) + 4 * 2 + 3 * 5 * 7 * 2);
    let stacks = StackRnn::<f64>::new(rng, i, h, [3, 9], 2);
    assert_eq!(stacks.parameter_count(), h * (i + h + 3 * 2 + 4 * 3));
    let machine = NeuralTuringMachine::<f64>::new(rng, i, h, [7, 2]);
    let controller = 4 * ((i + 2) * h + h * h + h);
    assert_eq!(machine.parameter_count(), controller + (h + 1) * (2 * 8 + 4));
    let hyper = HyperLstm::<f64>::new(rng, i, h, 3, 2);
    let scale = 3 * 8 + 8 + 2 * 4 * h;
    let shift = 3 * 8 + 2 * 4 * h + 4 * h;
    let small = 4 * ((h + i) * 3 + 3 * 3 + 3);
    assert_eq!(hyper.parameter_count(), 4 * (i + h) * h + 2 * scale + shift + 10 * h + small);
}

/// The numbers of weights are those that Hochreiter and Schmidhuber (1997) print, for each experiment.
#[test]
fn weight_counts_of_1997() {
    let rng = &mut random(0);
    let mut count = |inputs, outputs, [blocks, size]: [usize; 2], biases: &str| {
        let output = Linear::<f64>::new(rng, blocks * size, outputs);
        let mut network = MemoryBlocks::<f64>::new(rng, inputs, blocks, size);
        if biases != "none" {
            network = network.gate_biases(-1.0, -1.0);
        }
        if matches!(biases, "gates and cells" | "all") {
            network = network.cell_biases();
        }
        let output = if biases == "all" { output } else { output.bias(false) };
        network.output(output).parameter_count()
    };
    // 1, embedded Reber grammar
    assert_eq!(count(7, 7, [4, 1], "gates"), 264);
    assert_eq!(count(7, 7, [3, 2], "gates"), 276);
    // 2c, long lags with p random symbols
    let random_symbols = [(50, 364), (100, 664), (200, 1264), (500, 3064), (1000, 6064)];
    for (p, weights) in random_symbols {
        assert_eq!(count(p + 4, 2, [2, 1], "none"), weights);
    }
    // 3, two sequences
    assert_eq!(count(1, 1, [3, 1], "gates and cells"), 102);
    // 4 and 5, adding and multiplying
    assert_eq!(count(2, 1, [2, 2], "all"), 93);
    // 6, temporal order
    assert_eq!(count(8, 4, [2, 2], "all"), 156);
    assert_eq!(count(8, 8, [3, 2], "all"), 308);
}

/// Each variable of a zero state: `[B, size]`, of the size that the cell needs.
#[test]
fn zero_states() {
    let rng = &mut random(0);
    let tape = Tape::<f64>::new();
    let (h, c) = Lstm::new(rng, 3, 4).zero_state(&tape, 2);
    let o = OutputToHidden::new(rng, 3, 4, 5).zero_state(&tape, 2);
    let (lower, upper) = (Elman::new(rng, 3, 4), Gru::new(rng, 4, 6).reset(Reset::Before));
    let (below, above) = (lower, upper).start(&tape, 2);
    for (state, size) in [(h, 4), (c, 4), (o, 5), (below, 4), (above, 6)] {
        assert_eq!(state.value(), Tensor::zeros([2, size]));
    }
}
