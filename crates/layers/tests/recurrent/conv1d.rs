//! Convolutions over time, against their equation as loops.

use bptt_autodiff::{Tape, Var};
use bptt_layers::weights::{keras, pytorch};
use bptt_layers::{Conv1d, Module};
use bptt_tensor::Tensor;
use proptest::prelude::*;

use crate::support::{V, assert_near, for_all, parameter, random, randomized, uniform};

#[derive(Clone, Debug)]
struct Case {
    steps: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    padding: [usize; 2],
    seed: u64,
}

fn cases() -> impl Strategy<Value = Case> {
    let sizes = (0..=9_usize, 1..=4_usize, 1..=3_usize, 1..=3_usize);
    let padding = prop::array::uniform2(0..=4_usize);
    let fits = |case: &Case| {
        case.steps + case.padding[0] + case.padding[1] > (case.kernel - 1) * case.dilation
    };
    let case = |((steps, kernel, stride, dilation), padding, seed)| Case {
        steps,
        kernel,
        stride,
        dilation,
        padding,
        seed,
    };
    (sizes, padding, any::<u64>()).prop_map(case).prop_filter("a kernel that fits", fits)
}

/// `y_t = Σ_k x_{s·t + d·k − p} W_k + b`
fn by_loops(case: &Case, x: &Tensor<f64>, w: &Tensor<f64>, b: &Tensor<f64>) -> Tensor<f64> {
    let [steps, batch, inputs] = x.shape()[..] else { panic!("[T, B, I]") };
    let outputs = b.len();
    let length = steps + case.padding[0] + case.padding[1];
    let count = (length - (case.kernel - 1) * case.dilation - 1) / case.stride + 1;
    Tensor::from_fn([count, batch, outputs], |i| {
        let (t, row, output) = (i / (batch * outputs), i / outputs % batch, i % outputs);
        let mut sum = b.as_slice()[output];
        for k in 0..case.kernel {
            let at = (case.stride * t + case.dilation * k).checked_sub(case.padding[0]);
            let Some(at) = at.filter(|&at| at < steps) else { continue };
            for input in 0..inputs {
                sum += x.as_slice()[(at * batch + row) * inputs + input]
                    * w.as_slice()[(k * inputs + input) * outputs + output];
            }
        }
        sum
    })
}

#[test]
fn the_equation() {
    for_all(96, cases(), |case| {
        let rng = &mut random(case.seed);
        let conv = Conv1d::new(rng, 2, 3, case.kernel).stride(case.stride).dilation(case.dilation);
        let conv = randomized(conv.padding(case.padding[0], case.padding[1]), rng);
        let x = uniform([case.steps, 2, 2], rng);
        let expected = by_loops(&case, &x, &parameter(&conv, "w"), &parameter(&conv, "b"));
        let tape = Tape::new();
        assert_near(&[conv.forward(tape.constant(x)).value()], &[expected], 1e-13);
    });
}

/// An output of a causal convolution reads no later step. An output of a `same` convolution reads steps on both sides.
#[test]
fn outputs_read_the_steps_of_their_kernel() {
    let reads = |conv: &Conv1d<f64>| {
        let tape = Tape::new();
        let xs = tape.variable(Tensor::ones([9, 1, 1]));
        let ys = conv.forward(xs);
        assert_eq!(ys.shape(), [9, 1, 1]);
        let gradient = tape.backward(ys.index_first(4).sum_all()).wrt(xs).to_vec();
        let read = gradient.iter().enumerate().filter(|(_, g)| **g != 0.0);
        read.map(|(t, _)| t).collect::<Vec<_>>()
    };
    let conv = |kernel| randomized(Conv1d::new(&mut random(0), 1, 1, kernel), &mut random(1));
    assert_eq!(reads(&conv(3).causal()), [2, 3, 4]);
    assert_eq!(reads(&conv(3).dilation(2).causal()), [0, 2, 4]);
    assert_eq!(reads(&conv(3).same()), [3, 4, 5]);
    assert_eq!(reads(&conv(2).dilation(3).same()), [3, 6]);
    // the options may come in any order
    assert_eq!(reads(&conv(3).causal().dilation(2)), [0, 2, 4]);
    assert_eq!(reads(&conv(2).same().dilation(3)), [3, 6]);
}

#[test]
fn a_sequence_without_steps() {
    let conv = |kernel| Conv1d::<f64>::new(&mut random(0), 2, 3, kernel);
    for conv in [conv(1), conv(3).causal(), conv(4).dilation(2).same().stride(3)] {
        for (shape, outputs) in [([0, 2, 2], [0, 2, 3]), ([0, 0, 2], [0, 0, 3])] {
            let tape = Tape::new();
            let xs = tape.variable(Tensor::zeros(shape));
            let ys = conv.forward(xs);
            assert_eq!(ys.shape(), outputs);
            assert_eq!(tape.backward(ys.sum_all()).wrt(xs).shape(), &shape);
        }
    }
}

/// The samples of a frame `[B, 7]` as a sequence `[7, B, 1]`.
fn of_frame(x: V<'_>) -> V<'_> {
    x.transpose(0, 1).reshape([7, 2, 1])
}

/// The convolution runs within a compiled recurrence, over an axis of the step's own input.
#[test]
fn within_a_step() {
    let rng = &mut random(0);
    let conv = randomized(Conv1d::new(rng, 1, 3, 3).stride(2), rng);
    let frames = uniform([4, 2, 7], rng); // [T, B, samples]
    let tape = Tape::new();
    let xs = tape.variable(frames.clone());
    let scanned = tape.scan(xs, ()).run(|x, ()| (conv.forward(of_frame(x)).sum(&[0]), ()));
    let gradients = tape.backward(scanned.outputs.square().sum_all());

    let tape = Tape::new();
    let ys: Vec<_> = (0..4).map(|t| tape.variable(frames.index_first(t))).collect();
    let outputs: Vec<_> = ys.iter().map(|&x| conv.forward(of_frame(x)).sum(&[0])).collect();
    let outputs = Var::stack(&outputs, 0);
    assert_near(&[scanned.outputs.value()], &[outputs.value()], 1e-13);
    let expected = tape.backward(outputs.square().sum_all());
    for (t, &y) in ys.iter().enumerate() {
        assert_near(&[gradients.wrt(xs).index_first(t)], &[expected.wrt(y).clone()], 1e-12);
    }
    assert_near(&[gradients[&conv.w].clone()], &[expected[&conv.w].clone()], 1e-12);
}

#[test]
fn weights_of_others() {
    let mut conv = randomized(Conv1d::<f64>::new(&mut random(0), 2, 3, 4), &mut random(1));
    let w = parameter(&conv, "w");
    let torch = pytorch::archive(&conv);
    let stored = torch.tensor("weight").unwrap(); // [O, I, K]
    assert_eq!(stored.shape(), &[3, 2, 4]);
    assert_eq!(stored.as_slice()[(2 * 2 + 1) * 4 + 3], w.as_slice()[(3 * 2 + 1) * 3 + 2]);
    let keras = keras::archive(&conv);
    assert_eq!(keras.tensor("kernel").unwrap(), &w); // [K, I, O]
    conv.for_each_parameter_mut(|_, param| param.set(Tensor::zeros(param.shape())));
    pytorch::load(&mut conv, &torch).unwrap();
    assert_eq!(parameter(&conv, "w"), w);
}

#[test]
#[should_panic(
    expected = "conv1d: a kernel over 5 steps does not fit into [3, 1, 2], axis 0: 3 steps, with 1 \
        of padding before and 0 behind; pad more, as `causal` and `same` do, or use a smaller kernel"
)]
fn a_kernel_that_does_not_fit() {
    let conv = Conv1d::<f64>::new(&mut random(0), 2, 3, 3).dilation(2).padding(1, 0);
    let tape = Tape::new();
    let _ = conv.forward(tape.constant(Tensor::zeros([3, 1, 2])));
}
