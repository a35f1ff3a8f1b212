//! Convolutions of images, against PyTorch, against their equation as loops, and within a step.

use bptt_autodiff::{Tape, Var};
use bptt_layers::weights::{Archive, keras, pytorch};
use bptt_layers::{Conv1d, Conv2d, Init, Module};
use bptt_tensor::Tensor;
use proptest::prelude::*;

use crate::golden::{Golden, assert_close};
use crate::support::{V, assert_near, for_all, parameter, random, randomized, uniform};

#[derive(Clone, Debug)]
struct Case {
    image: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
    seed: u64,
}

fn cases() -> impl Strategy<Value = Case> {
    let pair = |low: usize, high: usize| prop::array::uniform2(low..=high);
    let fits = |case: &Case| {
        (0..2).all(|axis| case.image[axis] + 2 * case.padding[axis] >= case.kernel[axis])
    };
    let case =
        |(image, kernel, stride, padding, seed)| Case { image, kernel, stride, padding, seed };
    (pair(1, 6), pair(1, 4), pair(1, 3), pair(0, 4), any::<u64>())
        .prop_map(case)
        .prop_filter("a kernel that fits", fits)
}

/// `y_{r,c} = Σ_{i,j} x_{s₁·r + i − p₁, s₂·c + j − p₂} W_{i,j} + b`, of images `[N, H, W, I]`
fn by_loops(case: &Case, x: &Tensor<f64>, w: &Tensor<f64>, b: &Tensor<f64>) -> Tensor<f64> {
    let [images, height, width, inputs] = x.shape()[..] else { panic!("[N, H, W, I]") };
    let outputs = b.len();
    let count = |axis: usize| {
        (case.image[axis] + 2 * case.padding[axis] - case.kernel[axis]) / case.stride[axis] + 1
    };
    let [rows, columns] = [count(0), count(1)];
    Tensor::from_fn([images, rows, columns, outputs], |i| {
        let (column, output) = (i / outputs % columns, i % outputs);
        let (n, row) = (i / (outputs * columns * rows), i / (outputs * columns) % rows);
        let mut sum = b.as_slice()[output];
        for (i, j) in (0..case.kernel[0]).flat_map(|i| (0..case.kernel[1]).map(move |j| (i, j))) {
            let y = (case.stride[0] * row + i).checked_sub(case.padding[0]);
            let x_ = (case.stride[1] * column + j).checked_sub(case.padding[1]);
            let (Some(y), Some(x_)) = (y, x_) else { continue };
            if y < height && x_ < width {
                for input in 0..inputs {
                    sum += x[[n, y, x_, input]] * w[[i, j, input, output]];
                }
            }
        }
        sum
    })
}

#[test]
fn the_equation() {
    for_all(128, cases(), |case| {
        let rng = &mut random(case.seed);
        let conv = Conv2d::new(rng, 2, 3, case.kernel).stride(case.stride).padding(case.padding);
        let conv = randomized(conv, rng);
        let x = uniform([2, case.image[0], case.image[1], 2], rng);
        let expected = by_loops(&case, &x, &parameter(&conv, "w"), &parameter(&conv, "b"));
        let tape = Tape::new();
        assert_near(&[conv.forward(tape.constant(x)).value()], &[expected], 1e-13);
    });
}

/// The golden images are `[B, C, H, W]`.
#[test]
fn as_in_pytorch() {
    let golden = Golden::load("conv2d");
    let mut given = Archive::new();
    for name in ["weight", "bias"] {
        given.insert(name, golden.tensor(&format!("input.{name}")));
    }
    let mut conv = Conv2d::new(&mut random(0), 3, 4, [3, 2]).stride([2, 1]).padding([1, 2]);
    pytorch::load(&mut conv, &given).expect("a weight and a bias");
    let tape = Tape::new();
    let xs = tape.variable(golden.tensor("input.x").permute(&[0, 2, 3, 1]));
    let ys = conv.forward(xs).permute(&[0, 3, 1, 2]);
    assert_close("output", &ys.value(), &golden.tensor("output"));
    let gradients = tape.backward((ys * &golden.tensor("cotangent")).sum_all());
    let of_xs = gradients.wrt(xs).permute(&[0, 3, 1, 2]);
    assert_close("grad.x", &of_xs, &golden.tensor("grad.x"));
    let of_w = gradients[&conv.w].permute(&[3, 2, 0, 1]);
    assert_close("grad.weight", &of_w, &golden.tensor("grad.weight"));
    let of_b = &gradients[conv.b.as_ref().expect("a bias")];
    assert_close("grad.bias", of_b, &golden.tensor("grad.bias"));
}

#[test]
fn weights_of_others() {
    let mut conv = randomized(Conv2d::<f64>::new(&mut random(0), 2, 3, [4, 5]), &mut random(1));
    let w = parameter(&conv, "w");
    let torch = pytorch::archive(&conv);
    let stored = torch.tensor("weight").unwrap(); // [O, I, K₁, K₂]
    assert_eq!(stored.shape(), &[3, 2, 4, 5]);
    assert_eq!(stored[[2, 1, 3, 0]], w[[3, 0, 1, 2]]);
    assert_eq!(keras::archive(&conv).tensor("kernel").unwrap(), &w); // [K₁, K₂, I, O]
    conv.for_each_parameter_mut(|_, param| param.set(Tensor::zeros(param.shape())));
    pytorch::load(&mut conv, &torch).unwrap();
    assert_eq!(parameter(&conv, "w"), w);
}

/// Images of one column are sequences, whose steps are the rows.
#[test]
fn of_one_column_it_is_a_convolution_over_time() {
    let rng = &mut random(2);
    let line = randomized(Conv1d::<f64>::new(rng, 2, 3, 4).stride(2).padding(3, 3), rng);
    let mut plane = Conv2d::new(rng, 2, 3, [4, 1]).stride([2, 1]).padding([3, 0]);
    plane.w.set(parameter(&line, "w").reshape([4, 1, 2, 3]));
    plane.b.as_mut().expect("a bias").set(parameter(&line, "b"));
    let xs = uniform([7, 2, 2], rng); // [T, B, I]
    let tape = Tape::new();
    let over_time = line.forward(tape.constant(xs.clone())).value();
    let images = tape.constant(xs.permute(&[1, 0, 2]).reshape([2, 7, 1, 2])); // [B, T, 1, I]
    let ys = plane.forward(images).reshape([2, 5, 3]).transpose(0, 1).value();
    assert_near(&[ys], &[over_time], 1e-13);
}

/// `same` keeps the extents. A kernel of even size reads one row more below, and one column more on the right.
#[test]
fn outputs_read_the_patch_around_them() {
    let reads = |kernel| {
        let conv =
            randomized(Conv2d::<f64>::new(&mut random(0), 1, 1, kernel).same(), &mut random(1));
        let tape = Tape::new();
        let xs = tape.variable(Tensor::ones([5, 4, 1])); // a single image
        let ys = conv.forward(xs);
        assert_eq!(ys.shape(), [5, 4, 1]);
        let gradient = tape.backward(ys.slice(0, 2..3).slice(1, 1..2).sum_all()).wrt(xs).clone();
        let pixels = (0..5).flat_map(|row| (0..4).map(move |column| [row, column]));
        pixels.filter(|&[row, column]| gradient[[row, column, 0]] != 0.0).collect::<Vec<_>>()
    };
    assert_eq!(reads([1, 3]), [[2, 0], [2, 1], [2, 2]]);
    assert_eq!(reads([2, 2]), [[2, 1], [2, 2], [3, 1], [3, 2]]);
    assert_eq!(reads([3, 1]), [[1, 1], [2, 1], [3, 1]]);
}

fn step<'t>([read, carry]: &[Conv2d<f64>; 2], x: V<'t>, h: V<'t>) -> V<'t> {
    (read.forward(x) + carry.forward(h)).tanh()
}

/// A recurrence whose state is an image (Shi et al. 2015, without gates).
#[test]
fn within_a_step() {
    let rng = &mut random(3);
    let read = randomized(Conv2d::new(rng, 1, 2, [3, 3]).same(), rng);
    let carry = randomized(Conv2d::new(rng, 2, 2, [3, 3]).same().bias(false), rng);
    let (frames, first) = (uniform([4, 2, 5, 4, 1], rng), uniform([2, 5, 4, 2], rng));
    let convs = [read, carry];
    let tape = Tape::new();
    let (xs, h) = (tape.variable(frames.clone()), tape.variable(first.clone()));
    let scanned = tape.scan(xs, h).run(|x, h| {
        let h = step(&convs, x, h);
        (h, h)
    });
    let gradients = tape.backward(scanned.outputs.square().sum_all());

    let loop_ = Tape::new();
    let (ys, mut state) = (loop_.variable(frames), loop_.variable(first));
    let start = state;
    let mut outputs = Vec::new();
    for t in 0..4 {
        state = step(&convs, ys.index_first(t), state);
        outputs.push(state);
    }
    let outputs = Var::stack(&outputs, 0);
    assert_near(&[scanned.outputs.value()], &[outputs.value()], 1e-13);
    let expected = loop_.backward(outputs.square().sum_all());
    let of_scan =
        [gradients.wrt(xs), gradients.wrt(h), &gradients[&convs[0].w], &gradients[&convs[1].w]];
    let of_loop =
        [expected.wrt(ys), expected.wrt(start), &expected[&convs[0].w], &expected[&convs[1].w]];
    assert_near(&of_scan.map(Clone::clone), &of_loop.map(Clone::clone), 1e-12);
}

/// The weights are drawn as a matrix of all inputs of an output.
#[test]
fn initial_weights() {
    let conv = Conv2d::<f64>::new(&mut random(4), 3, 8, [5, 7]);
    let matrix: Tensor<f64> = Init::Xavier.tensor(&mut random(4), [5 * 7 * 3, 8]);
    assert_eq!(conv.w.value().to_vec(), matrix.to_vec());
    let conv = conv.weight_init(&mut random(5), Init::Orthogonal { gain: 1.0 });
    let w = conv.w.value().reshape([5 * 7 * 3, 8]);
    let gram = w.permute(&[1, 0]).matmul(&w);
    let unit = Tensor::from_fn([8, 8], |i| f64::from(u8::from(i % 9 == 0)));
    assert_near(&[gram], &[unit], 1e-13);
}

#[test]
#[should_panic(
    expected = "conv2d: a kernel of 3 × 5 pixels does not fit into images [2, 3, 4, 1] with padding; pad more, as `same` \
        does, or use a smaller kernel"
)]
fn a_kernel_that_does_not_fit() {
    let conv = Conv2d::<f64>::new(&mut random(0), 1, 2, [3, 5]);
    let tape = Tape::new();
    let _ = conv.forward(tape.constant(Tensor::zeros([2, 3, 4, 1])));
}

#[test]
#[should_panic(
    expected = "conv2d: the last axis of images [2, 1, 8, 8] is 8, but the kernel [3, 3, 1, 2] reads 1 channels; \
        channels come last"
)]
fn channels_first() {
    let conv = Conv2d::<f64>::new(&mut random(0), 1, 2, [3, 3]);
    let tape = Tape::new();
    let _ = conv.forward(tape.constant(Tensor::zeros([2, 1, 8, 8])));
}

#[test]
#[should_panic(expected = "conv2d: images are [.., H, W, I], not [8, 8]; reshape them")]
fn an_image_without_channels() {
    let conv = Conv2d::<f64>::new(&mut random(0), 1, 2, [3, 3]);
    let tape = Tape::new();
    let _ = conv.forward(tape.constant(Tensor::zeros([8, 8])));
}
