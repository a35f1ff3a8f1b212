//! Cells with modules, images, stacks and spikes, compared with their equations and with cells that they contain.

use bptt_autodiff::Tape;
use bptt_layers::{
    Activation, Cell, Clockwork, ConvLstm, LeakyIntegrateAndFire, NeuralTuringMachine,
    PeepholeLstm, Recurrence, StackRnn, StateSizes, Surrogate, Tree,
};
use bptt_tensor::Tensor;
use proptest::prelude::*;

use crate::options::{HIDDEN, INPUT, Row, check, plus, times, units};
use crate::support::{
    Run, Sizes, assert_near, for_all, parameter, random, random_cell, randomized, run, sizes,
    uniform, unrolled,
};

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Modules of periods 1, 3 and 2 step where these divide the time, and read modules of longer periods only.
#[test]
fn clockwork_equations() {
    const PERIODS: [usize; 6] = [1, 1, 3, 3, 2, 2];
    const STEPS: usize = 7;
    let rng = &mut random(0);
    let cell = randomized(Clockwork::<f64>::new(rng, INPUT, 6, &[1, 3, 2]), rng);
    let xs = uniform([STEPS, 1, INPUT], rng);
    let start = uniform([1, 6], rng);
    let p = |name: &str| parameter(&cell, name);
    let inputs = [xs.clone(), start.clone(), Tensor::zeros([1, 1])];
    let Run { values, .. } = run(&cell, &inputs, unrolled);
    let mut h = start.to_vec();
    for t in 0..STEPS {
        let read = plus(&times(xs.index_first(t).as_slice(), &p("w_ih")), p("b").as_slice());
        let before = h.clone();
        for (to, period) in PERIODS.into_iter().enumerate().filter(|(_, period)| t % period == 0) {
            let connected = (0..6).filter(|&from| PERIODS[from] >= period);
            let fed: f64 = connected.map(|from| before[from] * p("w_hh")[[from, to]]).sum();
            h[to] = (read[to] + fed).tanh();
        }
        assert_near(&[values[0].index_first(t)], &[Tensor::from_slice([1, 6], &h)], 1e-14);
    }
    assert_eq!(values[2].item(), STEPS as f64);
}

/// With a single period of 1, it is the Elman network.
#[test]
fn a_clock_of_every_step() {
    for_all(16, (sizes(), any::<u64>()), |(sizes, seed)| {
        let rng = &mut random(seed);
        let elman = random_cell::elman(rng, sizes);
        let mut cell = Clockwork::new(rng, sizes.input, sizes.hidden, &[1]);
        cell.w_ih.set(parameter(&elman, "w_ih"));
        cell.w_hh.set(parameter(&elman, "w_hh"));
        cell.b.set(parameter(&elman, "b"));
        let mut inputs = sizes.inputs(&elman, rng);
        let elman = run(&elman, &inputs, unrolled);
        inputs.push(Tensor::zeros([sizes.batch, 1]));
        let cell = run(&cell, &inputs, unrolled);
        assert_near(&cell.values[..2], &elman.values, 1e-14);
        assert_near(&cell.gradients.parameters, &elman.gradients.parameters, 1e-12);
    });
}

#[test]
fn integrate_and_fire_equations() {
    check(
        |rng| {
            let cell = LeakyIntegrateAndFire::new(rng, INPUT, HIDDEN);
            cell.synaptic_decay(0.75).membrane_decay(0.5)
        },
        |p, x, state| {
            let (s, u, c) = (&state[0], &state[1], &state[2]);
            let u = units(|k| 0.5 * u[k] + c[k] - s[k]);
            let driven = plus(&times(x, &p("w_ih")), &times(s, &p("w_hh")));
            let c = units(|k| 0.75 * c[k] + driven[k] + p("b")[[k]]);
            let s = units(|k| f64::from(u8::from(u[k] > 1.0)));
            (s.clone(), vec![s, u, c])
        },
    );
}

/// A neuron without a leak spikes as often as its current says: each spike takes 1 off the sum.
#[test]
fn the_rate_of_a_neuron() {
    const STEPS: usize = 1000;
    let rng = &mut random(1);
    let mut cell = LeakyIntegrateAndFire::<f64>::new(rng, 1, 1);
    cell = cell.synaptic_decay(0.0).membrane_decay(1.0);
    cell.w_ih.set(Tensor::ones([1, 1]));
    cell.w_hh.set(Tensor::zeros([1, 1]));
    for current in [0.0, 0.1, 0.35, 0.8] {
        let zeros = [(); 3].map(|()| Tensor::zeros([1, 1]));
        let inputs = [vec![Tensor::full([STEPS, 1, 1], current)], zeros.to_vec()].concat();
        let spikes: f64 = run(&cell, &inputs, unrolled).values[0].as_slice().iter().sum();
        assert!((spikes - current * STEPS as f64).abs() <= 3.0, "{spikes} of {current}");
    }
}

/// The gradient of a spike is the surrogate's slope at the potential above the threshold.
#[test]
fn gradients_of_spikes() {
    let rng = &mut random(2);
    let surrogate = Surrogate::Triangle { gamma: 0.5 };
    let mut cell = LeakyIntegrateAndFire::<f64>::new(rng, 1, 1).surrogate(surrogate);
    cell.w_ih.set(Tensor::full([1, 1], 2.0));
    let tape = Tape::new();
    let x = tape.variable(Tensor::full([1, 1], 0.4));
    let (_, state) = cell.step(x, cell.zero_state(&tape, 1));
    let (s, _) = cell.step(x.stop_gradient(), state);
    // the potential is the current of the step before, 0.8
    assert_eq!(s.value().item(), 0.0);
    let expected = 2.0 * 0.5 * (1.0 - 0.2);
    assert!((tape.backward(s.sum_all()).wrt(x).item() - expected).abs() < 1e-14);
}

/// A convolution of an image with zeros around it, from the definition.
fn convolved(image: &[f64], kernel: &Tensor<f64>, [rows, columns]: [usize; 2]) -> Vec<Row> {
    let [height, width, inputs, outputs] = kernel.shape()[..] else { panic!("[K₁, K₂, I, O]") };
    let pixel = |r: usize, c: usize| -> Row {
        let mut sums = vec![0.0; outputs];
        for (i, j) in (0..height).flat_map(|i| (0..width).map(move |j| (i, j))) {
            let (row, column) = (r + i, c + j); // shifted by the padding
            let (top, left) = (height / 2, width / 2);
            if row < top || column < left || row - top >= rows || column - left >= columns {
                continue;
            }
            let at = ((row - top) * columns + column - left) * inputs;
            for input in 0..inputs {
                for (output, sum) in sums.iter_mut().enumerate() {
                    *sum += image[at + input] * kernel[[i, j, input, output]];
                }
            }
        }
        sums
    };
    (0..rows * columns).map(|at| pixel(at / columns, at % columns)).collect()
}

/// Images of one row and three columns, with kernels of three by three.
#[test]
fn conv_lstm_equations() {
    const IMAGE: [usize; 2] = [1, 3];
    const CHANNELS: usize = 2;
    check(
        |rng| ConvLstm::new(rng, IMAGE, INPUT / 3, CHANNELS, [3, 3]),
        |p, x, state| {
            let read = convolved(x, &p("conv_ih.w"), IMAGE);
            let fed = convolved(&state[0], &p("conv_hh.w"), IMAGE);
            let b = p("conv_ih.b");
            // the part of a gate, at a pixel and channel
            let net = |part: usize, k: usize| {
                let (pixel, channel) = (k / CHANNELS, part * CHANNELS + k % CHANNELS);
                read[pixel][channel] + fed[pixel][channel] + b[[channel]]
            };
            let peep = |name: &str, k: usize| p(&format!("peepholes.p_{name}"))[[k]];
            let all = |of: &dyn Fn(usize) -> f64| -> Row { (0..3 * CHANNELS).map(of).collect() };
            let before = &state[1];
            let i = all(&|k| sigmoid(net(0, k) + peep("i", k) * before[k]));
            let f = all(&|k| sigmoid(net(1, k) + peep("f", k) * before[k]));
            let c = all(&|k| f[k] * before[k] + i[k] * net(2, k).tanh());
            let h = all(&|k| sigmoid(net(3, k) + peep("o", k) * c[k]) * c[k].tanh());
            (h.clone(), vec![h, c])
        },
    );
}

/// Of images of a single pixel, it is the LSTM with peepholes, whose units are the channels.
#[test]
fn the_lstm_of_one_pixel() {
    for_all(16, (sizes(), any::<u64>()), |(sizes, seed)| {
        let rng = &mut random(seed);
        let Sizes { input, hidden, .. } = sizes;
        let lstm = random_cell::peephole_lstm(rng, sizes);
        let PeepholeLstm { w_ih, w_hh, peepholes, b, .. } = lstm.clone();
        let mut cell = ConvLstm::new(rng, [1, 1], input, hidden, [1, 1]);
        cell.peepholes = peepholes;
        cell.conv_ih.w.set(w_ih.value().reshape([1, 1, input, 4 * hidden]));
        cell.conv_ih.b = b;
        cell.conv_hh.w.set(w_hh.value().reshape([1, 1, hidden, 4 * hidden]));
        let inputs = sizes.inputs(&lstm, rng);
        let [cell, lstm] = [run(&cell, &inputs, unrolled), run(&lstm, &inputs, unrolled)];
        assert_near(&cell.values, &lstm.values, 1e-14);
        assert_near(&cell.gradients.inputs, &lstm.gradients.inputs, 1e-12);
    });
}

/// Moving the image moves the output, up to the border.
#[test]
fn conv_lstms_commute_with_translations() {
    let rng = &mut random(3);
    let mut cell = randomized(ConvLstm::<f64>::new(rng, [1, 20], 2, 3, [1, 3]), rng);
    for peephole in [&mut cell.peepholes.p_i, &mut cell.peepholes.p_f, &mut cell.peepholes.p_o] {
        peephole.set(Tensor::zeros(peephole.shape()));
    }
    let image = uniform([2, 1, 6, 2], rng);
    let at = |left: usize| {
        let [before, after] = [left, 14 - left].map(|columns| Tensor::zeros([2, 1, columns, 2]));
        let xs = Tensor::concat(&[&before, &image, &after], 2).reshape([2, 1, 40]);
        let zeros = [(); 2].map(|()| Tensor::zeros([1, 60]));
        let inputs = [vec![xs], zeros.to_vec()].concat();
        run(&cell, &inputs, unrolled).values[1].reshape([20, 3])
    };
    assert_near(&[at(4).slice(0, 2..12)], &[at(7).slice(0, 5..15)], 1e-14);
}

#[test]
fn a_conv_lstm_is_compiled() {
    let cell = ConvLstm::<f64>::new(&mut random(3), [1, 4], 2, 3, [1, 3]);
    let tape = Tape::new();
    let xs = tape.constant(Tensor::zeros([5, 2, 8]));
    let plan = Recurrence::new(&cell).plan(xs, cell.zero_state(&tape, 2));
    assert!(plan.contains("= unfold y0(before)"), "{plan}");
    assert!(!plan.contains("operation by operation"), "{plan}");
}

#[test]
fn stack_rnn_equations() {
    const STACKS: usize = 2;
    const DEPTH: usize = 3;
    check(
        |rng| StackRnn::new(rng, INPUT, HIDDEN, [STACKS, DEPTH], 2).activation(Activation::Tanh),
        |p, x, state| {
            let s = |e: usize, j: usize| if j < DEPTH { state[1][e * DEPTH + j] } else { 0.0 };
            let seen: Row = (0..STACKS).flat_map(|e| [s(e, 0), s(e, 1)]).collect();
            let net = plus(&times(x, &p("w_ih")), &times(&state[0], &p("w_hh")));
            let net = plus(&net, &times(&seen, &p("w_sh")));
            let h = units(|k| net[k].tanh());
            let (logits, values) = (times(&h, &p("w_ha")), times(&h, &p("w_hs")));
            let next = (0..STACKS).flat_map(|e| {
                let exponentials: Row = (0..3).map(|a| logits[3 * e + a].exp()).collect();
                let total: f64 = exponentials.iter().sum();
                let [push, pop, keep] = [0, 1, 2].map(|a| exponentials[a] / total);
                let above = |j: usize| if j == 0 { sigmoid(values[e]) } else { s(e, j - 1) };
                let at = |j: usize| push * above(j) + pop * s(e, j + 1) + keep * s(e, j);
                (0..DEPTH).map(at).collect::<Row>()
            });
            let next = next.collect();
            (h.clone(), vec![h, next])
        },
    );
}

/// What is pushed last is popped first.
#[test]
fn a_stack_is_last_in_first_out() {
    let mut cell =
        StackRnn::<f64>::new(&mut random(4), 4, 4, [1, 5], 1).activation(Activation::Identity);
    // the hidden units are the inputs: the value, and the logits of the actions
    cell.w_ih.set(Tensor::eye(4));
    cell.w_hh.set(Tensor::zeros([4, 4]));
    cell.w_sh.set(Tensor::zeros([1, 4]));
    cell.w_ha.set(Tensor::from_fn([4, 3], |i| if i / 3 == i % 3 + 1 { 60.0 } else { 0.0 }));
    cell.w_hs.set(Tensor::from_vec([4, 1], vec![1.0, 0.0, 0.0, 0.0]));
    let (push, pop, keep) = ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]);
    let program = [(0.5, push), (-1.0, push), (2.0, push), (9.0, keep), (9.0, pop), (9.0, pop)];
    let tops = [0.5, -1.0, 2.0, 2.0, -1.0, 0.5].map(sigmoid);
    let tape = Tape::new();
    let mut state = cell.zero_state(&tape, 1);
    for ((value, [push, pop, keep]), top) in program.into_iter().zip(tops) {
        let x = tape.constant(Tensor::from_slice([1, 4], &[value, push, pop, keep]));
        state = cell.step(x, state).1;
        assert!((state.1.value()[[0, 0]] - top).abs() < 1e-12, "{value}");
    }
}

const SLOTS: usize = 4;
const WIDTH: usize = 2;

/// The weights of a head, from its parameters, its weights before and the memory.
fn addressed(parameters: &[f64], before: &[f64], memory: &[f64]) -> Row {
    let softplus = |x: f64| x.exp().ln_1p();
    let unit = |x: &[f64]| -> Row {
        let norm = (x.iter().map(|x| x * x).sum::<f64>() + 1e-6).sqrt();
        x.iter().map(|x| x / norm).collect()
    };
    let normalized = |x: Row| -> Row {
        let total: f64 = x.iter().sum();
        x.iter().map(|x| x / total).collect()
    };
    let [strength, gate, shift @ .., sharpness] = &parameters[WIDTH..] else { panic!("W + 6") };
    let key = unit(&parameters[..WIDTH]);
    let similarity = |slot: usize| {
        let slot = unit(&memory[slot * WIDTH..][..WIDTH]);
        key.iter().zip(slot).map(|(k, m)| k * m).sum::<f64>()
    };
    let by_content = (0..SLOTS).map(|slot| (softplus(*strength) * similarity(slot)).exp());
    let by_content = normalized(by_content.collect());
    let gate = sigmoid(*gate);
    let from = |slot: usize| {
        let slot = slot % SLOTS;
        gate * by_content[slot] + (1.0 - gate) * before[slot]
    };
    let shift = normalized(shift.iter().map(|s| s.exp()).collect());
    let shifted = (0..SLOTS).map(|slot| {
        shift[0] * from(slot + 1) + shift[1] * from(slot) + shift[2] * from(slot + SLOTS - 1)
    });
    normalized(shifted.map(|w| w.powf(1.0 + softplus(*sharpness))).collect())
}

#[test]
fn turing_machine_equations() {
    let cell = NeuralTuringMachine::new(&mut random(0), INPUT, HIDDEN, [SLOTS, WIDTH]);
    let rng = &mut random(5);
    let cell = randomized(cell, rng);
    let x = uniform([1, INPUT], rng);
    let vectors = [HIDDEN, HIDDEN, WIDTH].map(|size| uniform([1, size], rng));
    // weights of heads are positive and sum to 1; the state has 1 less at the first slot
    let weights = [(); 2].map(|()| {
        let w = uniform([SLOTS], rng).map(f64::exp);
        let total: f64 = w.as_slice().iter().sum();
        w * (1.0 / total)
    });
    let first = Tensor::from([1.0, 0.0, 0.0, 0.0]);
    let stored = weights.clone().map(|w| (w - &first).reshape([1, SLOTS]));
    let memory = uniform([1, SLOTS * WIDTH], rng);
    let state = [vectors.to_vec(), stored.to_vec(), vec![memory.clone()]].concat();

    let tape = Tape::new();
    type State<'t> = <NeuralTuringMachine<f64> as Cell<f64>>::State<'t>;
    let before: State<'_> = bptt_layers::State::from_values(&tape, &state);
    let (y, after) = cell.step(tape.constant(x.clone()), before);

    let p = |name: &str| parameter(&cell, name);
    let seen = [x.to_vec(), vectors[2].to_vec()].concat();
    let net = plus(&times(&seen, &p("controller.w_ih")), p("controller.b").as_slice());
    let net = plus(&net, &times(vectors[0].as_slice(), &p("controller.w_hh")));
    let of = |part: usize, k: usize| net[part * HIDDEN + k];
    let c = units(|k| {
        sigmoid(of(1, k)) * vectors[1].as_slice()[k] + sigmoid(of(0, k)) * of(2, k).tanh()
    });
    let h = units(|k| sigmoid(of(3, k)) * c[k].tanh());
    let map =
        |name: &str| plus(&times(&h, &p(&format!("{name}.w"))), p(&format!("{name}.b")).as_slice());
    let read = addressed(&map("read"), weights[0].as_slice(), memory.as_slice());
    let write = addressed(&map("write"), weights[1].as_slice(), memory.as_slice());
    let change = map("erase_and_add");
    let memory: Row = (0..SLOTS * WIDTH)
        .map(|at| {
            let (slot, k) = (at / WIDTH, at % WIDTH);
            let kept = 1.0 - write[slot] * sigmoid(change[k]);
            memory.as_slice()[at] * kept + write[slot] * change[WIDTH + k]
        })
        .collect();
    let r: Row = (0..WIDTH)
        .map(|k| (0..SLOTS).map(|slot| read[slot] * memory[slot * WIDTH + k]).sum())
        .collect();
    let row = |x: &[f64]| Tensor::from_slice([1, x.len()], x);
    let heads = [&read, &write].map(|w| row(w) - first.reshape([1, SLOTS]));
    let computed = [vec![y.value()], after.values()].concat();
    let expected = [
        vec![row(&[h.clone(), r.clone()].concat()), row(&h), row(&c), row(&r)],
        heads.to_vec(),
        vec![row(&memory)],
    ]
    .concat();
    assert_near(&computed, &expected, 1e-12);
}

/// A head that is told to shift goes to the next slot at each step, and around the end.
#[test]
fn a_head_walks_over_the_memory() {
    let mut cell = NeuralTuringMachine::<f64>::new(&mut random(6), 1, 1, [3, 1]);
    cell.read.w.set(Tensor::zeros([1, 7]));
    // no content, shift ahead, sharp
    let told = Tensor::from_slice([7], &[0.0, 0.0, -60.0, -60.0, -60.0, 60.0, 60.0]);
    cell.read.b.as_mut().expect("biases").set(told);
    let tape = Tape::new();
    let mut state = cell.zero_state(&tape, 1);
    for slot in [1, 2, 0, 1] {
        state = cell.step(tape.constant(Tensor::ones([1, 1])), state).1;
        let at = state.2.0.value() + Tensor::from([1.0, 0.0, 0.0]);
        assert!((at[[0, slot]] - 1.0).abs() < 1e-9, "{at:?}");
    }
}
