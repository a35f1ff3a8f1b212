//! Relations between the cells with a carousel.

use bptt_autodiff::{Param, Tape, Tree};
use bptt_layers::{
    Cell, CoupledLstm, Lstm, Lstm1997, MemoryBlocks, PeepholeLstm, Peepholes, ProjectedLstm,
    StateSizes, unroll,
};
use bptt_tensor::Tensor;
use proptest::prelude::*;

use crate::support::{
    Random, Sizes, V, assert_near, for_all, parameter, random, random_cell, run, sizes, uniform,
    unrolled,
};

const SIZES: Sizes = Sizes { steps: 5, batch: 2, input: 3, hidden: 4, output: 2 };

/// Tests a relation of cells with random parameters on random sequences.
fn for_all_sizes(test: impl Fn(&mut Random, Sizes)) {
    for_all(16, (sizes(), any::<u64>()), |(sizes, seed)| test(&mut random(seed), sizes));
}

/// Returns the parts of the last axis, concatenated in this order.
fn arranged(all: &Tensor<f64>, size: usize, parts: &[usize]) -> Tensor<f64> {
    let parts: Vec<_> =
        parts.iter().map(|&part| all.slice(-1, part * size..(part + 1) * size)).collect();
    Tensor::concat(&parts.iter().collect::<Vec<_>>(), -1)
}

/// With its forget gate held open, the LSTM is that of 1997.
#[test]
fn lstm_that_never_forgets() {
    for_all_sizes(|rng, sizes| {
        let hidden = sizes.hidden;
        let lstm = random_cell::lstm(rng, sizes).forget_bias(100.0); // 1 − σ is below 1e-38
        let without_forget_gate = |all: &Tensor<f64>| arranged(all, hidden, &[2, 0, 3]);
        let kept = |name: &str| Param::new(without_forget_gate(&parameter(&lstm, name)));
        let reduced = Lstm1997 {
            w_ih: kept("w_ih"),
            w_hh: kept("w_hh"),
            b: Some(kept("b")),
            ..Lstm1997::new(rng, 0, 0)
        };
        let inputs = sizes.inputs(&lstm, rng);
        let (lstm, reduced) = (run(&lstm, &inputs, unrolled), run(&reduced, &inputs, unrolled));
        assert_near(&lstm.values, &reduced.values, 1e-14);
        assert_near(&lstm.gradients.inputs, &reduced.gradients.inputs, 1e-12);
        let parameters: Vec<_> =
            lstm.gradients.parameters.iter().map(without_forget_gate).collect();
        assert_near(&parameters, &reduced.gradients.parameters, 1e-12);
        for gradient in &lstm.gradients.parameters {
            let forget = gradient.slice(-1, hidden..2 * hidden);
            assert!(forget.as_slice().iter().all(|g| g.abs() < 1e-30), "{forget:?}");
        }
    });
}

/// With `1 − σ(a) = σ(−a)` as its input gate, the LSTM is the coupled one.
#[test]
fn lstm_whose_gates_are_coupled() {
    for_all_sizes(|rng, sizes| {
        let hidden = sizes.hidden;
        let coupled = random_cell::coupled_lstm(rng, sizes);
        let with_input_gate = |all: &Tensor<f64>| {
            let input = all.slice(-1, 0..hidden).map(|w| -w);
            Tensor::concat(&[&input, all], -1)
        };
        let of = |name: &str| Param::new(with_input_gate(&parameter(&coupled, name)));
        let lstm =
            Lstm { w_ih: of("w_ih"), w_hh: of("w_hh"), b: Some(of("b")), ..Lstm::new(rng, 0, 0) };
        let inputs = sizes.inputs(&lstm, rng);
        let (coupled, lstm) = (run(&coupled, &inputs, unrolled), run(&lstm, &inputs, unrolled));
        assert_near(&coupled.values, &lstm.values, 1e-13);
        assert_near(&coupled.gradients.inputs, &lstm.gradients.inputs, 1e-12);
    });
}

/// A cell without its peepholes, or with the identity as its projection, equals the LSTM.
#[test]
fn lstm_that_peeps_at_nothing_or_projects_to_itself() {
    for_all_sizes(|rng, sizes| {
        let hidden = sizes.hidden;
        let lstm = random_cell::lstm(rng, sizes);
        let of = |name: &str| Param::new(parameter(&lstm, name));
        let zero = || Param::new(Tensor::zeros([hidden]));
        let blind = Peepholes { p_i: zero(), p_f: zero(), p_o: zero() };
        let peephole = PeepholeLstm {
            w_ih: of("w_ih"),
            w_hh: of("w_hh"),
            b: Some(of("b")),
            peepholes: blind,
            ..PeepholeLstm::new(rng, 0, 0)
        };
        let identity =
            Tensor::from_fn([hidden, hidden], |i| f64::from(u8::from(i / hidden == i % hidden)));
        let w_hr = Param::new(identity);
        let projected = ProjectedLstm {
            w_ih: of("w_ih"),
            w_hh: of("w_hh"),
            b: Some(of("b")),
            w_hr,
            ..ProjectedLstm::new(rng, 0, 0, 0)
        };
        let inputs = sizes.inputs(&lstm, rng);
        let values = run(&lstm, &inputs, unrolled).values;
        assert_near(&run(&peephole, &inputs, unrolled).values, &values, 1e-14);
        assert_near(&run(&projected, &inputs, unrolled).values, &values, 1e-14);
    });
}

/// A step with peepholes, number by number.
#[test]
fn peephole_equations() {
    let rng = &mut random(0);
    let cell = random_cell::peephole_lstm(rng, SIZES);
    let [x, h0, c0] = [[2, 3], [2, 4], [2, 4]].map(|shape| uniform(shape, rng));
    let p = |name: &str| parameter(&cell, name);
    let net = x.matmul(&p("w_ih")) + h0.matmul(&p("w_hh")) + p("b");
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let (mut h, mut c) = (h0.clone(), c0.clone());
    for s in 0..2 {
        for k in 0..4 {
            let net = |gate: usize| net[[s, gate * 4 + k]];
            let peep = |gate: &str| p(&format!("peepholes.p_{gate}"))[[k]];
            let before = c0[[s, k]];
            let i = sigmoid(net(0) + peep("i") * before);
            let f = sigmoid(net(1) + peep("f") * before);
            let after = f * before + i * net(2).tanh();
            let o = sigmoid(net(3) + peep("o") * after);
            c.as_mut_slice()[s * 4 + k] = after;
            h.as_mut_slice()[s * 4 + k] = o * after.tanh();
        }
    }
    let tape = Tape::new();
    let (y, state) = cell.step(tape.constant(x), (tape.constant(h0), tape.constant(c0)));
    assert_near(&[vec![y.value()], state.values()].concat(), &[h.clone(), h, c], 1e-14);
}

/// The network of 1997 as its paper writes it, unit by unit: every unit's net input is a sum over the
/// inputs and all units of the step before, and the cells of a block share its gates.
fn blocks_by_hand(
    cell: &MemoryBlocks<f64>,
    [blocks, size]: [usize; 2],
    x: &[f64],
    h: &[f64],
    c: &[f64],
) -> (Vec<f64>, Vec<f64>) {
    let (w_ih, w_hh) = (parameter(cell, "w_ih"), parameter(cell, "w_hh"));
    let (b_g, b_io) = (parameter(cell, "b_g"), parameter(cell, "b_io"));
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let cells = blocks * size;
    let net = |unit: usize| -> f64 {
        let read: f64 = x.iter().enumerate().map(|(k, x)| x * w_ih[[k, unit]]).sum();
        let fed: f64 = h.iter().enumerate().map(|(k, h)| h * w_hh[[k, unit]]).sum();
        let bias = if unit < cells { b_g[[unit]] } else { b_io[[unit - cells]] };
        read + fed + bias
    };
    let i: Vec<f64> = (0..blocks).map(|block| sigmoid(net(cells + block))).collect();
    let o: Vec<f64> = (0..blocks).map(|block| sigmoid(net(cells + blocks + block))).collect();
    let content: Vec<f64> =
        (0..cells).map(|v| c[v] + i[v / size] * (4.0 * sigmoid(net(v)) - 2.0)).collect();
    let y = (0..cells).map(|v| o[v / size] * (2.0 * sigmoid(content[v]) - 1.0));
    (y.chain(i.iter().copied()).chain(o.iter().copied()).collect(), content)
}

#[test]
fn memory_block_equations() {
    for size in [1, 2, 3] {
        let rng = &mut random(size as u64);
        let cell = MemoryBlocks::new(rng, 3, 2, size).gate_biases(-1.0, -2.0).cell_biases();
        assert_eq!(parameter(&cell, "b_io").to_vec(), [-1.0, -1.0, -2.0, -2.0]);
        let cell = crate::support::randomized(cell, rng);
        let units = 2 * size + 4;
        let [x, h, c] = [3, units, 2 * size].map(|features| uniform([1, features], rng));
        let (h_next, c_next) =
            blocks_by_hand(&cell, [2, size], x.as_slice(), h.as_slice(), c.as_slice());
        let tape = Tape::new();
        let (y, state) = cell.step(tape.constant(x), (tape.constant(h), tape.constant(c)));
        let row = |values: &[f64]| Tensor::from_slice([1, values.len()], values);
        let expected = [row(&h_next[..2 * size]), row(&h_next), row(&c_next)];
        assert_near(&[vec![y.value()], state.values()].concat(), &expected, 1e-14);
    }
}

/// With blocks of one cell, and without connections from gates, the network is an ordinary LSTM of 1997. Only its
/// squashing functions differ: `4σ(a) − 2 = 2 tanh(a/2)` and `2σ(a) − 1 = tanh(a/2)`.
#[test]
fn blocks_of_one_cell_are_ordinary() {
    for_all_sizes(|rng, sizes| {
        let hidden = sizes.hidden;
        let ordinary = random_cell::lstm_1997(rng, sizes).bias(false);
        let mut cell = MemoryBlocks::new(rng, sizes.input, hidden, 1);
        // tanh(a/2) of twice the net input, and of twice the content
        let doubled = |name: &str| {
            let weight = parameter(&ordinary, name);
            let z = weight.slice(-1, 0..hidden).map(|w| 2.0 * w);
            Tensor::concat(&[&z, &weight.slice(-1, hidden..3 * hidden)], -1)
        };
        cell.w_ih.set(doubled("w_ih"));
        let unread = Tensor::zeros([2 * hidden, 3 * hidden]);
        cell.w_hh.set(Tensor::concat(&[&doubled("w_hh"), &unread], 0));
        let inputs = sizes.inputs(&ordinary, rng);
        let gates = Tensor::zeros([sizes.batch, 2 * hidden]);
        let h = Tensor::concat(&[&inputs[1], &gates], -1);
        let of_blocks = [inputs[0].clone(), h, inputs[2].map(|c| 2.0 * c)];
        let (ys, blocks) = (run(&ordinary, &inputs, unrolled), run(&cell, &of_blocks, unrolled));
        assert_near(&blocks.values[..1], &ys.values[..1], 1e-13);
        assert_near(&[blocks.values[2].map(|c| c / 2.0)], &ys.values[2..], 1e-13);
    });
}

/// `∂c_T/∂c_0` of one sequence over some steps: row `k` is the gradient of cell `k`.
fn carousel<C>(cell: &C, sizes: Sizes, rng: &mut Random) -> Tensor<f64>
where
    C: StateSizes + for<'t> Cell<f64, State<'t> = (V<'t>, V<'t>)>,
{
    let tape = Tape::new();
    let [h, c] = cell.state_sizes()[..] else { panic!("two variables") };
    let xs = tape.constant(uniform([sizes.steps, 1, sizes.input], rng));
    let start = tape.variable(uniform([1, c], rng));
    let (_, (_, last)) = unroll(cell, xs, (tape.constant(uniform([1, h], rng)), start));
    let row = |k: usize| tape.grad(last.slice(1, k..k + 1).sum_all(), [start])[0].value();
    let rows: Vec<_> = (0..c).map(row).collect();
    Tensor::concat(&rows.iter().collect::<Vec<_>>(), 0)
}

/// Along the carousel alone, errors flow back through any number of steps exactly unchanged.
#[test]
fn the_carousel_is_the_identity() {
    let sizes = Sizes { steps: 50, ..SIZES };
    let rng = &mut random(3);
    let cell = random_cell::memory_blocks(rng, sizes);
    let units = cell.state_sizes()[1];
    let identity = Tensor::from_fn([units, units], |i| f64::from(u8::from(i / units == i % units)));
    assert_eq!(carousel(&cell.clone().truncated(true), sizes, &mut random(4)), identity);
    assert_ne!(carousel(&cell, sizes, &mut random(4)), identity);

    // the gates add other paths, unless they do not read the previous step
    let deaf =
        Lstm1997 { w_hh: Param::new(Tensor::zeros([4, 12])), ..random_cell::lstm_1997(rng, sizes) };
    let identity = Tensor::from_fn([4, 4], |i| f64::from(u8::from(i / 4 == i % 4)));
    assert_eq!(carousel(&deaf, sizes, rng), identity);
}

/// Truncation changes no value. The gradient is that of the network whose fed-back activations are inputs
/// from outside.
#[test]
fn the_truncated_gradient() {
    let rng = &mut random(5);
    let cell = random_cell::memory_blocks(rng, SIZES);
    let inputs = SIZES.inputs(&cell, rng);
    let whole = run(&cell, &inputs, unrolled);
    let truncated = cell.clone().truncated(true);
    let cut = run(&truncated, &inputs, unrolled);
    assert_eq!(cut.values, whole.values);

    let tape = Tape::new();
    let xs = tape.constant(inputs[0].clone());
    let mut state = (tape.constant(inputs[1].clone()), tape.constant(inputs[2].clone()));
    let mut fed_back = vec![];
    for t in 0..SIZES.steps {
        fed_back.push(state.0.value());
        state = cell.step(xs.index_first(t), state).1;
    }
    let by_hand = run(&cell, &inputs, |cell, x| {
        let mut c = x[2];
        let mut h = x[1];
        let mut ys = Vec::new();
        for (t, given) in fed_back.iter().enumerate() {
            let (y, next) =
                cell.step(x[0].index_first(t), (x[0].tape().constant(given.clone()), c));
            ys.push(y);
            (h, c) = next;
        }
        vec![V::stack(&ys, 0), h, c]
    });
    assert_near(&cut.gradients.parameters, &by_hand.gradients.parameters, 1e-13);
    assert_near(&cut.gradients.inputs, &by_hand.gradients.inputs, 1e-13);
    let differs = cut.gradients.parameters.iter().zip(&whole.gradients.parameters);
    assert!(differs.into_iter().any(|(cut, whole)| cut != whole));
}

/// Coupled gates keep the cell state within the range of the candidate.
#[test]
fn coupled_content_is_bounded() {
    let rng = &mut random(1);
    let cell = CoupledLstm::<f64>::new(rng, 3, 4);
    let xs = uniform([200, 2, 3], rng).map(|x| 50.0 * x);
    let zeros = || Tensor::zeros([2, 4]);
    let content = &run(&cell, &[xs, zeros(), zeros()], unrolled).values[2];
    assert!(content.as_slice().iter().all(|c| c.abs() <= 1.0));
}
