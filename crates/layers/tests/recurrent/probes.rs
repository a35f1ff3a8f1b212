//! Cells name their gates and states as their equations do.

use std::iter::zip;

use bptt_autodiff::Tape;
use bptt_layers::{
    Activation, Bidirectional, Brc, Cell, Clockwork, CoRnn, ConvLstm, CoupledLstm, DeltaNet,
    EchoState, Elman, ExpRnn, FullyRecurrent, Gru, HyperLstm, IndRnn, Layer, LayerNormGru,
    LayerNormLstm, LeakyIntegrateAndFire, LegendreMemory, Lem, Linear, LinearAttention, Lru, Lstm,
    Lstm1997, MLstm, MemoryBlocks, MinGru, MinLstm, MinimalGatedUnit, MultiHeadSelectiveScan,
    MultiplicativeLstm, Nbrc, NeuralTuringMachine, OutputToHidden, PeepholeLstm, PhasedLstm,
    ProjectedLstm, Recurrence, RecurrentHighway, Rwkv7, SLstm, SelectiveScan, Sru, Stack, StackRnn,
    StateSizes, Stepwise, Window, scan, unroll,
};
use bptt_tensor::Tensor;

use crate::support::{assert_near, random, uniform};

const STEPS: usize = 5;
const BATCH: usize = 2;
const INPUT: usize = 3;
const HIDDEN: usize = 4;

/// Checks the names of a cell's probes and their order, that a compiled run and a loop have the same, and that `output` is what the
/// cell returns.
fn check(cell: &(impl Cell<f64> + StateSizes), names: &[&str], output: &str) {
    let xs = uniform([STEPS, BATCH, INPUT], &mut random(1));
    let all = |compiled: bool| {
        let tape = Tape::new();
        let xs = tape.constant(xs.clone());
        let probes = tape.probes();
        let start = cell.zero_state(&tape, BATCH);
        let (ys, _) = if compiled { scan(cell, xs, start) } else { unroll(cell, xs, start) };
        assert_eq!(probes.names(), names);
        assert_eq!(probes.get(output).value(), ys.value());
        names.iter().map(|name| probes.get(name).value()).collect::<Vec<_>>()
    };
    let (compiled, looped) = (all(true), all(false));
    for probe in &compiled {
        assert_eq!(probe.shape()[..2], [STEPS, BATCH]);
    }
    assert_near(&compiled, &looped, 1e-13);
}

#[test]
fn every_cell_names_gates_and_states() {
    let rng = &mut random(2);
    let lstm = ["f", "i", "g", "c", "o", "h"];
    check(&Lstm::new(rng, INPUT, HIDDEN), &lstm, "h");
    check(&PeepholeLstm::new(rng, INPUT, HIDDEN), &["i", "f", "g", "c", "o", "h"], "h");
    check(&LayerNormLstm::new(rng, INPUT, HIDDEN), &lstm, "h");
    check(&ProjectedLstm::new(rng, INPUT, HIDDEN, 2), &lstm, "h");
    check(&CoupledLstm::new(rng, INPUT, HIDDEN), &["f", "g", "c", "o", "h"], "h");
    check(&Lstm1997::new(rng, INPUT, HIDDEN), &["g", "i", "c", "o", "h"], "h");
    check(&MemoryBlocks::new(rng, INPUT, 2, 2), &["i", "o", "g", "c", "y", "h"], "y");
    check(&Gru::new(rng, INPUT, HIDDEN), &["r", "z", "n", "h"], "h");
    check(&LayerNormGru::new(rng, INPUT, HIDDEN), &["r", "z", "n", "h"], "h");
    check(&MinimalGatedUnit::new(rng, INPUT, HIDDEN), &["f", "n", "h"], "h");
    check(&MinGru::new(rng, INPUT, HIDDEN), &["z", "n", "h"], "h");
    check(&MinLstm::new(rng, INPUT, HIDDEN), &["n", "f'", "i'", "h"], "h");
    check(&Elman::new(rng, INPUT, HIDDEN), &["h"], "h");
    check(&Elman::new(rng, INPUT, HIDDEN).output(rng, 2, Activation::Sigmoid), &["h", "o"], "o");
    check(&FullyRecurrent::new(rng, INPUT, HIDDEN), &["h"], "h");
    check(&IndRnn::new(rng, INPUT, HIDDEN), &["h"], "h");
    check(&EchoState::new(rng, INPUT, HIDDEN), &["h"], "h");
    check(&OutputToHidden::new(rng, INPUT, HIDDEN, 2), &["h", "o"], "o");
    check(&Window::new(rng, INPUT, HIDDEN, 2), &["h"], "h");
    check(&CoRnn::new(rng, INPUT, HIDDEN), &["v", "h"], "h");
    check(&Lem::new(rng, INPUT, HIDDEN), &["s_c", "s_h", "g", "c", "n", "h"], "h");
    check(&Sru::new(rng, INPUT, HIDDEN), &["f", "r", "c", "h"], "h");
    let highway = ["n0", "i0", "n1", "i1", "h"];
    check(&RecurrentHighway::new(rng, INPUT, HIDDEN, 2), &highway, "h");
    check(&RecurrentHighway::uncoupled(rng, INPUT, HIDDEN, 1), &["n0", "i0", "f0", "h"], "h");
    let multiplicative = ["m", "f", "i", "g", "c", "o", "h"];
    check(&MultiplicativeLstm::new(rng, INPUT, HIDDEN), &multiplicative, "h");
    check(&Brc::new(rng, INPUT, HIDDEN), &["a", "z", "n", "h"], "h");
    check(&Nbrc::new(rng, INPUT, HIDDEN), &["a", "z", "n", "h"], "h");
    check(&LegendreMemory::new(rng, INPUT, HIDDEN, 3, 5.0), &["u", "m", "h"], "h");
    check(&ExpRnn::new(rng, INPUT, HIDDEN), &["h"], "h");
    check(&Lru::new(rng, INPUT, HIDDEN), &["re", "im", "y"], "y");
    let phased = ["k", "i", "f", "g", "o", "c", "h"];
    check(&PhasedLstm::new(rng, INPUT - 1, HIDDEN), &phased, "h");
    check(&SLstm::new(rng, INPUT, HIDDEN, 2), &["m", "i", "f", "g", "c", "n", "o", "h"], "h");
    check(&MLstm::new(rng, INPUT, HIDDEN, 2), &["o", "m", "i", "f", "h"], "h");
    check(&DeltaNet::new(rng, INPUT, HIDDEN, 2), &["beta", "h"], "h");
    check(&DeltaNet::gated(rng, INPUT, HIDDEN, 2), &["beta", "alpha", "h"], "h");
    check(&LinearAttention::new(rng, INPUT, HIDDEN, 2), &["h"], "h");
    check(&SelectiveScan::new(rng, INPUT, 2, 1), &["delta", "B", "C", "y"], "y");
    let selective = ["B", "C", "delta", "alpha", "y"];
    check(&MultiHeadSelectiveScan::new(rng, INPUT, HIDDEN, 2, 3), &selective, "y");
    check(&Rwkv7::new(rng, INPUT, HIDDEN, 2), &["w", "a", "h"], "h");
    check(&Clockwork::new(rng, INPUT, HIDDEN, &[1, 2]), &["h"], "h");
    check(&LeakyIntegrateAndFire::new(rng, INPUT, HIDDEN), &["u", "c", "s"], "s");
    let conv = ConvLstm::new(rng, [1, INPUT], 1, 2, [1, 3]);
    check(&conv, &["i", "f", "g", "c", "o", "h"], "h");
    check(&StackRnn::new(rng, INPUT, HIDDEN, [2, 3], 1), &["h", "actions", "s"], "h");
    let machine = NeuralTuringMachine::new(rng, INPUT, HIDDEN, [5, 2]);
    let tape = Tape::<f64>::new();
    let probes = tape.probes();
    let _ = machine.forward(tape.constant(Tensor::ones([STEPS, BATCH, INPUT])));
    assert_eq!(probes.names()[6..], ["read", "write", "memory", "r"]);
    let hyper = ["hyper.f", "hyper.i", "hyper.g", "hyper.c", "hyper.o", "hyper.h"];
    let names = [&hyper[..], &["g", "f", "i", "c", "o", "h"]].concat();
    check(&HyperLstm::new(rng, INPUT, HIDDEN, 3, 2), &names, "h");
}

/// The cell state follows from the gates, step by step.
#[test]
fn probes_obey_the_equations_of_the_lstm() {
    let lstm = Lstm::<f64>::new(&mut random(3), INPUT, HIDDEN);
    let tape = Tape::new();
    let probes = tape.probes();
    let xs = tape.constant(uniform([STEPS, BATCH, INPUT], &mut random(4)));
    let _ = lstm.forward(xs);
    let [i, f, g, o, c, h] = ["i", "f", "g", "o", "c", "h"].map(|name| probes.get(name).value());
    let mut before = Tensor::zeros([BATCH, HIDDEN]);
    for t in 0..STEPS {
        let [i, f, g, o, c, h] = [&i, &f, &g, &o, &c, &h].map(|value| value.index_first(t));
        let next = &(&f * &before) + &(&i * &g);
        assert_near(&[c.clone(), h], &[next.clone(), &o * &next.map(f64::tanh)], 1e-14);
        before = next;
    }
}

#[test]
fn layers_put_a_scope_around_each_of_theirs() {
    let rng = &mut random(5);
    let lstm = |rng: &mut _, input| Lstm::<f64>::new(rng, input, HIDDEN);
    let gru = |rng: &mut _| Gru::<f64>::new(rng, INPUT, HIDDEN);
    let model = (
        Bidirectional::new(gru(rng), gru(rng)),
        (Stack::new(vec![lstm(rng, 2 * HIDDEN), lstm(rng, HIDDEN)]), Linear::new(rng, HIDDEN, 2)),
    );
    let tape = Tape::new();
    let probes = tape.probes();
    let xs = tape.constant(uniform([STEPS, BATCH, INPUT], rng));
    let (_, (_, (states, _))) = model.forward(xs);
    let names = probes.names();
    let of = |scope: &str| names.iter().filter(|name| name.starts_with(scope)).count();
    let scopes = ["0.forward.", "0.backward.", "1.0.0.", "1.0.1."];
    assert_eq!(scopes.map(of), [4, 4, 6, 6], "{names:?}");
    assert_eq!(names.len(), 20);
    for (layer, (_, c)) in zip(["1.0.0.c", "1.0.1.c"], states) {
        assert_eq!(probes.get(layer).value().index_first(STEPS - 1), c.value());
    }
}

/// The probes of a sequence that ends early are those of the shorter sequence, up to its end.
#[test]
fn probes_of_masked_sequences() {
    let lstm = Lstm::<f64>::new(&mut random(6), INPUT, HIDDEN);
    let xs = uniform([STEPS, BATCH, INPUT], &mut random(7));
    let of = |lengths: Option<&[usize]>, reversed: bool| {
        let tape = Tape::new();
        let probes = tape.probes();
        let mut run = Recurrence::new(&lstm);
        if let Some(lengths) = lengths {
            run = run.lengths(lengths);
        }
        if reversed {
            run = run.reversed();
        }
        let _ = run.run(tape.constant(xs.clone()), lstm.zero_state(&tape, BATCH));
        probes.get("c").value()
    };
    let (whole, masked) = (of(None, false), of(Some(&[5, 3]), false));
    assert_eq!(masked.slice(1, 0..1), whole.slice(1, 0..1));
    assert_eq!(masked.slice(0, 0..3), whole.slice(0, 0..3));
    let (whole, masked) = (of(None, true), of(Some(&[5, 3]), true));
    assert_eq!(masked.slice(1, 0..1), whole.slice(1, 0..1));
}

#[test]
fn a_stepper_of_layers_has_their_probes() {
    let rng = &mut random(8);
    let stack =
        Stack::new(vec![Lstm::<f64>::new(rng, INPUT, HIDDEN), Lstm::new(rng, HIDDEN, HIDDEN)]);
    let tape = Tape::new();
    let probes = tape.probes();
    let xs = uniform([STEPS, 1, INPUT], rng);
    let _ = stack.forward(tape.constant(xs.clone()));
    let other = Tape::new();
    let requested = other.probes();
    let entry = other.constant(Tensor::zeros([1, 1, INPUT]));
    let mut online =
        other.scan(entry, stack.start(&other, 1)).stepper(|x, state| stack.advance(x, state));
    drop(requested);
    for t in 0..STEPS {
        online.step(&[xs.index_first(t).as_slice()]);
    }
    let expected = probes.get("1.f").value().index_first(STEPS - 1);
    assert_near(&[Tensor::from_slice([1, HIDDEN], online.probe("1.f"))], &[expected], 1e-14);
}
