//! Updates against the library's cells, numerical differences, and the paper's equations.

use bptt::prelude::*;
use bptt::trainers::online::{OnlineLearner, Traces};

use super::{Nets, Sequence};
use crate::common::nets_of_1997::architecture::{
    Architecture, Gates, Shortcuts, Signal, Squash, Update,
};
use crate::common::nets_of_1997::experiments::COMMON;

static NETS: Architecture = Architecture {
    inputs: 3,
    outputs: 2,
    range: 0.5,
    input_gates: Gates::Each(&[-0.5, 0.5]),
    ..COMMON
};

fn nets(seeds: &[u64]) -> Nets<'static> {
    let mut nets = Nets::new(&NETS);
    seeds.iter().for_each(|&seed| nets.push(&mut bptt::rng(seed)));
    nets
}

/// The same network as a layer of the library, where the cells of a block are neighbours.
fn layer(nets: &Nets<'_>) -> MemoryBlocks<f64> {
    let architecture = nets.architecture;
    let (rng, cells) = (&mut bptt::rng(0), architecture.cells());
    let place = |cell: usize| {
        cell % architecture.block_size * architecture.blocks + cell / architecture.block_size
    };
    let cell_order: Vec<usize> = (0..cells).map(place).collect();
    let order: Vec<usize> =
        cell_order.iter().copied().chain(cells..architecture.hidden_size()).collect();
    let [hidden, output] = [&nets.hidden, &nets.output].map(|it| it.index_first(0));
    let hidden = hidden.gather_rows(&order).transpose(0, 1); // [U, H]
    let output = output.transpose(0, 1); // [R, O]
    let mut readout = Linear::new(rng, cells, architecture.outputs);
    readout.w.set(output.gather_rows(&cell_order));
    readout.b.as_mut().expect("a bias").set(output.index_first(cells));
    let mut layer =
        MemoryBlocks::new(rng, architecture.inputs, architecture.blocks, architecture.block_size)
            .gate_biases(0.0, 0.0)
            .cell_biases()
            .output(readout)
            .truncated(true);
    layer.w_ih.set(hidden.slice(0, ..architecture.inputs));
    let recurrent = hidden.slice(0, architecture.inputs..architecture.reads() - 1);
    layer.w_hh.set(recurrent.gather_rows(&order));
    let biases = hidden.index_first(architecture.reads() - 1);
    layer.b_g.as_mut().expect("cells have biases").set(biases.slice(0, ..cells));
    layer.b_io.as_mut().expect("gates have biases").set(biases.slice(0, cells..));
    layer
}

/// With an error at the last step alone, or with an update after the sequence, the weights are constant in a sequence. Then
/// the update is the gradient by back-propagation through time of the library's cell.
#[test]
fn an_update_is_the_gradient_of_the_library() {
    for (update, is_truncated, taught) in
        [(Update::Online, true, 1), (Update::Sequence, true, 5), (Update::FullGradient, false, 5)]
    {
        let architecture = Architecture { update, ..NETS };
        let mut nets = Nets::new(&architecture);
        [2, 3].iter().for_each(|&seed| nets.push(&mut bptt::rng(seed)));
        let rng = &mut bptt::rng(1);
        for _ in 0..3 {
            let sequences = [9, 7].map(|steps| vec![draw(rng, steps, taught)]);
            let before = nets.clone();
            let answers = nets.learn(&sequences, 0.1);
            for net in 0..2 {
                let mut layer = layer(&before.gather(&[net])).truncated(is_truncated);
                let Sequence { inputs, targets, .. } = &sequences[net][0];
                let (steps, tape) = (inputs.len() / 3, Tape::new());
                let xs = tape.constant(Tensor::from_slice([steps, 1, 3], inputs));
                let ys = Recurrence::new(&layer).run(xs, layer.start(&tape, 1)).0;
                let ys = ys.slice(0, steps - taught..);
                let errors = ys - &Tensor::from_slice([taught, 1, 2], targets);
                let gradients = tape.backward(errors.square().sum_all() * 0.5);
                assert_near(&answers[net][0], ys.value().as_slice(), "answers");
                assert_eq!(before.answer(&sequences)[net], answers[net]);
                Sgd::new(0.1).step(&mut layer, &gradients);
                let expected = self::layer(&nets.gather(&[net]));
                for ((name, found), (_, expected)) in
                    layer.parameters().into_iter().zip(expected.parameters())
                {
                    let [found, expected] = [found, expected].map(|it| it.value().to_vec());
                    assert_near(&found, &expected, &format!("{update:?}, {name}"));
                }
            }
        }
    }
}

/// A sequence whose last `taught` steps have targets.
fn draw(rng: &mut impl Rng, steps: usize, taught: usize) -> Sequence {
    let targets = Tensor::uniform([taught * 2], 0.0, 1.0, rng).to_vec();
    let inputs = Tensor::normal([steps * 3], 0.0, 1.0, rng).to_vec();
    Sequence { inputs, expected: targets.clone(), targets }
}

fn assert_near(found: &[f64], expected: &[f64], of: &str) {
    let is_near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-12;
    assert!(found.len() == expected.len() && found.iter().zip(expected).all(is_near), "{of}");
}

/// With errors at every step, the weights change while the traces grow. The library's traces of the cell state give the
/// same updates for blocks of one cell.
#[test]
fn an_update_at_each_step_is_that_of_the_library() {
    let architecture =
        Architecture { blocks: 3, block_size: 1, input_gates: Gates::Random, ..NETS };
    let mut nets = Nets::new(&architecture);
    nets.push(&mut bptt::rng(7));
    let mut layer = layer(&nets);
    let rng = &mut bptt::rng(8);
    let mut optimizer = Sgd::new(0.2);
    for steps in [6, 9] {
        let xs = Tensor::<f64>::normal([steps, 3], 0.0, 1.0, rng);
        let targets = Tensor::<f64>::uniform([steps, 2], 0.0, 1.0, rng);
        let mut learner = Traces::of(["state.1"]);
        for step in 0..steps {
            let target = targets.slice(0, step..=step);
            let x = xs.slice(0, step..=step);
            let learned = learner.step(&layer, &x, &|y| squared_error(y, &target));
            let gradients = learned.expect("finite").gradients;
            optimizer.step(&mut layer, &gradients);
        }
        let sequence =
            Sequence { inputs: xs.to_vec(), targets: targets.to_vec(), expected: targets.to_vec() };
        nets.learn(&[vec![sequence]], 0.2);
        let expected = self::layer(&nets);
        for ((name, found), (_, expected)) in
            layer.parameters().into_iter().zip(expected.parameters())
        {
            assert_near(found.value().as_slice(), expected.value().as_slice(), &name);
        }
    }
}

fn squared_error<'t>(y: Var<'t, f64>, target: &Tensor<f64>) -> Var<'t, f64> {
    (y - target).square().sum_all() * 0.5
}

/// A network does not depend on the others of its batch, nor on how its sequences are divided over calls of `learn`.
#[test]
fn networks_learn_alone() {
    for update in [Update::Online, Update::Sequence, Update::FullGradient] {
        let architecture = Architecture { update, ..NETS };
        let rng = &mut bptt::rng(4);
        let sequences = [5, 8, 2].map(|steps| draw(rng, steps, 2));
        let [mut together, mut alone] = [&[5, 6][..], &[6]].map(|seeds| {
            let mut nets = Nets::new(&architecture);
            seeds.iter().for_each(|&seed| nets.push(&mut bptt::rng(seed)));
            nets
        });
        let answers = together.learn(&[vec![draw(rng, 20, 3)], sequences.to_vec()], 0.3);
        for (sequence, answer) in sequences.into_iter().zip(&answers[1]) {
            assert_eq!(&alone.learn(&[vec![sequence]], 0.3)[0][0], answer);
        }
        let together = together.gather(&[1]);
        assert_eq!((alone.hidden, alone.output), (together.hidden, together.output), "{update:?}");
    }
}

/// The full gradient agrees with differences of the loss, for each weight of networks of all kinds. Weights that do not
/// exist stay 0.
#[test]
fn the_full_gradient_agrees_with_differences() {
    let full = Architecture { update: Update::FullGradient, ..NETS };
    let with_shortcuts = Architecture {
        shortcuts: Shortcuts::Random,
        signal: Signal::CrossEntropy,
        start: 0.5,
        h: Squash::Within(2.0),
        ..full.clone()
    };
    let elman = elman(Update::FullGradient);
    let of_experiment_2 = Architecture {
        blocks: 1,
        block_size: 1,
        input_gates: Gates::Unbiased,
        output_gates: Gates::Open,
        has_cell_biases: false,
        has_output_biases: false,
        is_recurrent: false,
        g: Squash::Logistic,
        h: Squash::Identity,
        ..with_shortcuts.clone()
    };
    for architecture in [&full, &with_shortcuts, &elman, &of_experiment_2] {
        let (rng, mut nets) = (&mut bptt::rng(9), Nets::new(architecture));
        nets.push(rng);
        let mut sequence = draw(rng, 6, 4);
        for pair in sequence.targets.chunks_exact_mut(2) {
            pair[1] = 1.0 - pair[0]; // a distribution, as the cross-entropy asks for
        }
        sequence.expected.clone_from(&sequence.targets);
        let mut learned = nets.clone();
        learned.learn(&[vec![sequence.clone()]], 1.0);
        let exists = [architecture.learnable().to_vec(), vec![1.0; nets.output.len()]];
        for (part, exists) in exists.into_iter().enumerate() {
            for entry in (0..exists.len()).filter(|&entry| exists[entry] == 1.0) {
                let loss = |by: f64| {
                    let mut nets = nets.clone();
                    weights(&mut nets, part)[entry] += by;
                    loss(&nets.answer(&[vec![sequence.clone()]])[0][0], &sequence, architecture)
                };
                let slope = (loss(1e-5) - loss(-1e-5)) / 2e-5;
                let change = weights(&mut nets, part)[entry] - weights(&mut learned, part)[entry];
                assert!((slope - change).abs() < 1e-8, "{architecture:?}: {slope}, {change}");
            }
            let changed = weights(&mut nets, part).iter().zip(weights(&mut learned, part).iter());
            let is_kept = |((a, b), exists): ((&f64, &f64), &f64)| *exists == 1.0 || a == b;
            assert!(changed.zip(&exists).all(is_kept), "weights that do not exist");
        }
    }
}

fn weights<'n>(nets: &'n mut Nets<'_>, part: usize) -> &'n mut [f64] {
    if part == 0 { nets.hidden.as_mut_slice() } else { nets.output.as_mut_slice() }
}

fn loss(answer: &[f64], Sequence { targets, .. }: &Sequence, of: &Architecture) -> f64 {
    let pairs = answer.iter().zip(targets);
    match of.signal {
        Signal::CrossEntropy => pairs.map(|(k, t)| -t * k.ln()).sum(),
        _ => pairs.map(|(k, t)| 0.5 * (k - t).powi(2)).sum(),
    }
}

/// Three logistic units that read each other.
fn elman(update: Update) -> Architecture {
    Architecture {
        blocks: 3,
        block_size: 1,
        input_gates: Gates::Open,
        output_gates: Gates::Open,
        has_cell_biases: false,
        has_output_biases: false,
        has_memory: false,
        g: Squash::Logistic,
        h: Squash::Identity,
        update,
        ..NETS
    }
}

/// Without memory, the net is the library's Elman net of logistic units. An update takes the units of the step before as
/// constants.
#[test]
fn a_net_without_memory_is_that_of_elman() {
    let architecture = elman(Update::Online);
    let (rng, mut nets) = (&mut bptt::rng(11), Nets::new(&architecture));
    nets.push(rng);
    let sequence = draw(rng, 5, 1);
    let before = nets.clone();
    let answers = nets.learn(&[vec![sequence.clone()]], 1.0);
    let [hidden, output] = [&before.hidden, &before.output].map(|it| it.index_first(0));
    let hidden = hidden.slice(0, ..3).transpose(0, 1); // [U, 3]
    let mut layer = Elman::<f64>::new(rng, 3, 3).activation(Activation::Sigmoid);
    layer.w_ih.set(hidden.slice(0, ..3));
    layer.w_hh.set(hidden.slice(0, 3..6));
    layer.b = None;
    let xs = Tensor::from_slice([5, 1, 3], &sequence.inputs);
    let tape = Tape::new();
    let start = layer.start(&tape, 1);
    let h = Recurrence::new(&layer).last(tape.constant(xs.slice(0, ..4)), start).0;
    let h = tape.constant(h.value());
    let y = Recurrence::new(&layer).last(tape.constant(xs.slice(0, 4..)), h).0;
    let w_out = tape.variable(output.transpose(0, 1));
    let k = y.matmul(w_out).sigmoid();
    let error = k - &Tensor::from_slice([1, 2], &sequence.targets);
    let gradients = tape.backward(error.square().sum_all() * 0.5);
    assert_near(&answers[0][0], k.value().as_slice(), "answers");
    let changes = [&before.hidden - &nets.hidden, &before.output - &nets.output];
    let [hidden, output] = changes.map(|it| it.index_first(0).transpose(0, 1));
    assert_near(output.as_slice(), gradients.wrt(w_out).as_slice(), "outputs");
    let hidden = hidden.slice(1, ..3);
    assert_near(&hidden.slice(0, ..3).to_vec(), gradients[&layer.w_ih].as_slice(), "inputs");
    assert_near(&hidden.slice(0, 3..6).to_vec(), gradients[&layer.w_hh].as_slice(), "units");
}

/// The paper's equations, one number at a time, for blocks of two cells with errors at every step.
#[test]
fn an_update_at_each_step_is_that_of_the_paper() {
    let (rng, mut nets) = (&mut bptt::rng(13), self::nets(&[12]));
    let [mut hidden, mut output] = [&nets.hidden, &nets.output].map(|it| rows(&it.index_first(0)));
    let (cells, blocks, rate) = (4, 2, 0.3);
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    for steps in [6, 9] {
        let sequence = draw(rng, steps, steps);
        nets.learn(&[vec![sequence.clone()]], rate);
        let (mut h, mut c) = (vec![0.0; 8], vec![0.0; cells]);
        let mut traces = vec![[vec![0.0; 12], vec![0.0; 12]]; cells];
        for (x, target) in sequence.inputs.chunks(3).zip(sequence.targets.chunks(2)) {
            let reads: Vec<f64> = x.iter().chain(&h).copied().chain([1.0]).collect();
            let net: Vec<f64> = hidden.iter().map(|w| dot(w, &reads)).collect();
            let gate = |unit: usize| sigmoid(net[unit]);
            let (mut y, mut slopes) = (Vec::new(), Vec::new());
            for cell in 0..cells {
                let i = gate(cells + cell % blocks);
                let s = sigmoid(net[cell]);
                c[cell] += i * (4.0 * s - 2.0);
                for (read, x) in reads.iter().enumerate() {
                    traces[cell][0][read] += i * 4.0 * s * (1.0 - s) * x;
                    traces[cell][1][read] += (4.0 * s - 2.0) * i * (1.0 - i) * x;
                }
                let squashed = sigmoid(c[cell]);
                y.push(gate(cells + blocks + cell % blocks) * (2.0 * squashed - 1.0));
                slopes.push(2.0 * squashed * (1.0 - squashed));
            }
            let units: Vec<f64> = y.iter().copied().chain([1.0]).collect();
            let k: Vec<f64> = output.iter().map(|w| sigmoid(dot(w, &units))).collect();
            let delta: Vec<f64> =
                k.iter().zip(target).map(|(k, t)| (k - t) * k * (1.0 - k)).collect();
            let e: Vec<f64> = (0..cells)
                .map(|cell| delta.iter().zip(&output).map(|(delta, w)| delta * w[cell]).sum())
                .collect();
            for (w, delta) in output.iter_mut().zip(&delta) {
                w.iter_mut().zip(&units).for_each(|(w, unit)| *w -= rate * delta * unit);
            }
            for cell in 0..cells {
                let block = cell % blocks;
                let o = gate(cells + blocks + block);
                let to_state = e[cell] * o * slopes[cell];
                let to_output_gate = e[cell] * y[cell] / o * o * (1.0 - o);
                for read in 0..reads.len() {
                    hidden[cell][read] -= rate * to_state * traces[cell][0][read];
                    hidden[cells + block][read] -= rate * to_state * traces[cell][1][read];
                    hidden[cells + blocks + block][read] -= rate * to_output_gate * reads[read];
                }
            }
            h = y.into_iter().chain((cells..8).map(gate)).collect();
        }
    }
    assert_near(nets.hidden.as_slice(), &hidden.concat(), "hidden units");
    assert_near(nets.output.as_slice(), &output.concat(), "outputs");
}

fn rows(matrix: &Tensor<f64>) -> Vec<Vec<f64>> {
    matrix.as_slice().chunks_exact(matrix.shape()[1]).map(<[f64]>::to_vec).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// A block whose gates are shut has no influence, and does not learn.
#[test]
fn a_block_that_is_not_there_changes_nothing() {
    let (rng, mut nets) = (&mut bptt::rng(15), self::nets(&[14]));
    let initial = nets.clone();
    let of_block = [1, 3, 5, 7]; // two cells, two gates
    let mut cut = nets.clone();
    for unit in cut.hidden.as_mut_slice().chunks_exact_mut(12) {
        of_block.iter().for_each(|read| unit[3 + read] = 0.0);
    }
    for output in cut.output.as_mut_slice().chunks_exact_mut(5) {
        (output[1], output[3]) = (0.0, 0.0);
    }
    nets.move_biases(0, 1, -50.0);
    let sequence = draw(rng, 7, 7);
    let [answer, expected] = [&nets, &cut].map(|it| it.answer(&[vec![sequence.clone()]]));
    assert_near(&answer[0][0], &expected[0][0], "answers");
    nets.learn(&[vec![sequence]], 0.5);
    nets.move_biases(0, 1, 50.0);
    let changed: Vec<bool> = rows(&nets.hidden.index_first(0))
        .iter()
        .zip(rows(&initial.hidden.index_first(0)))
        .map(|(now, before)| {
            now.iter().zip(before).any(|(now, before)| (now - before).abs() > 1e-12)
        })
        .collect();
    assert_eq!(changed, [true, false, true, false, true, false, true, false]);
}
