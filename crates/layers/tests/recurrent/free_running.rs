//! A layer that reads its own outputs, against a stepper and a loop.

use bptt_autodiff::{Tape, Tree};
use bptt_layers::{
    Embedding, Layer, LearnedStart, Linear, Module, Residual, Stack, Stepwise, free_running,
    stepper,
};
use bptt_tensor::{Scalar, Tensor};

use crate::support::{
    Random, Sizes, V, assert_near, random, random_cell, randomized, run, uniform,
};

const SIZES: Sizes = Sizes { steps: 5, batch: 2, input: 4, hidden: 4, output: 4 };
const STEPS: usize = 6;

/// Defines tests of layers with four inputs and four outputs.
macro_rules! for_layers {
    ($check:ident) => {{
        let rng = &mut random(21);
        let lstm = |rng: &mut Random| random_cell::lstm(rng, SIZES);
        let stack = Stack::new(vec![lstm(rng), lstm(rng)]);
        let readout = randomized(Linear::new(rng, 4, 4), rng);
        $check(&lstm(rng), rng);
        $check(&random_cell::gru_before(rng, SIZES), rng);
        $check(&random_cell::output_to_hidden(rng, SIZES), rng);
        $check(&(lstm(rng), readout.clone()), rng);
        $check(&(randomized(LearnedStart::new(stack), rng), readout), rng);
        $check(&Residual::new(random_cell::elman(rng, SIZES)), rng);
    }};
}

/// A continuation with the derivative of its inputs: `next_input` halves the outputs.
fn continued<'t, L: Stepwise<f64>>(layer: &L, x: &[V<'t>], steps: usize) -> Vec<V<'t>> {
    let start = layer.start(x[0].tape(), SIZES.batch);
    let (ys, last) = free_running(layer, x[0], start, steps, |y| y * 0.5);
    [vec![ys], last.leaves()].concat()
}

fn in_a_loop<'t, L: Stepwise<f64>>(layer: &L, x: &[V<'t>], steps: usize) -> Vec<V<'t>> {
    let prompt = x[0];
    let mut state = layer.start(prompt.tape(), SIZES.batch);
    let (mut x, mut ys) = (prompt.index_first(0), Vec::new());
    for t in 1..SIZES.steps + steps {
        let (y, next) = layer.advance(x, state);
        state = next;
        if t < SIZES.steps {
            x = prompt.index_first(t);
        } else {
            ys.push(y);
            x = y * 0.5;
        }
    }
    [vec![V::stack(&ys, 0)], state.leaves()].concat()
}

fn is_a_loop<L: Stepwise<f64> + Module<f64>>(layer: &L, rng: &mut Random) {
    let prompt = uniform([SIZES.steps, SIZES.batch, SIZES.input], rng);
    for steps in 1..=STEPS {
        let inputs = [prompt.clone()];
        let expected = run(layer, &inputs, |layer, x| in_a_loop(layer, x, steps));
        let free = run(layer, &inputs, |layer, x| continued(layer, x, steps));
        assert_near(&free.values, &expected.values, 1e-13);
        assert_near(&free.gradients.inputs, &expected.gradients.inputs, 1e-12);
        assert_near(&free.gradients.parameters, &expected.gradients.parameters, 1e-12);
    }
}

#[test]
fn values_and_gradients_of_a_loop() {
    for_layers!(is_a_loop);
}

/// The outputs of a stepper that reads a prompt and then its own outputs.
fn stepped<T: Scalar, L: Stepwise<T>>(layer: &L, prompt: &Tensor<T>, steps: usize) -> Vec<T> {
    let mut online = stepper(layer, [prompt.shape()[1], prompt.shape()[2]]);
    let (mut x, mut ys) = (vec![], vec![]);
    for t in 0..prompt.shape()[0] - 1 + steps {
        if t < prompt.shape()[0] {
            x = prompt.index_first(t).to_vec();
        }
        online.step(&[&x]);
        x = online.output(0).to_vec();
        if t + 1 >= prompt.shape()[0] {
            ys.extend_from_slice(&x);
        }
    }
    ys
}

fn has_the_bits_of_a_stepper<L: Stepwise<f64>>(layer: &L, rng: &mut Random) {
    let prompt = uniform([SIZES.steps, SIZES.batch, SIZES.input], rng);
    let tape = Tape::new();
    for steps in [1, 3, STEPS] {
        let start = layer.start(&tape, SIZES.batch);
        let (ys, _) = free_running(layer, tape.constant(prompt.clone()), start, steps, |y| y);
        assert_eq!(ys.value().to_vec(), stepped(layer, &prompt, steps));
    }
}

#[test]
fn bits_of_a_stepper() {
    for_layers!(has_the_bits_of_a_stepper);
}

/// Widths that fill registers in part, in single precision.
#[test]
fn bits_of_a_wide_stepper() {
    let rng = &mut random(22);
    let model = (bptt_layers::Gru::<f32>::new(rng, 37, 70), Linear::new(rng, 70, 37));
    let prompt = Tensor::normal([9, 13, 37], 0.0, 1.0, rng);
    let tape = Tape::new();
    let start = model.start(&tape, 13);
    let (ys, _) = free_running(&model, tape.constant(prompt.clone()), start, 20, |y| y);
    assert_eq!(ys.value().to_vec(), stepped(&model, &prompt, 20));
}

/// The last output, read as a prompt from the last state, goes on.
#[test]
fn in_two_calls() {
    let rng = &mut random(23);
    let model = (random_cell::lstm(rng, SIZES), randomized(Linear::new(rng, 4, 4), rng));
    let tape = Tape::new();
    let prompt = tape.constant(uniform([3, 2, 4], rng));
    let (whole, last) = free_running(&model, prompt, model.start(&tape, 2), 7, |y| y);
    let (first, state) = free_running(&model, prompt, model.start(&tape, 2), 4, |y| y);
    let (rest, end) = free_running(&model, first.slice(0, 3..4), state, 3, |y| y);
    assert_near(&[V::concat(&[first, rest], 0).value()], &[whole.value()], 1e-13);
    assert_near(&end.values(), &last.values(), 1e-13);
}

#[test]
fn no_steps() {
    let rng = &mut random(24);
    let elman = random_cell::elman(rng, SIZES);
    let tape = Tape::new();
    let xs = tape.constant(uniform([3, 2, 4], rng));
    let (ys, state) = free_running(&elman, xs, elman.start(&tape, 2), 0, |_| unreachable!());
    assert_eq!(ys.shape(), [0, 2, 4]);
    assert_near(&[state.value()], &[elman.forward(xs).1.value()], 1e-13);
}

/// The mean embedding of the next symbol is read, with its table.
#[test]
fn an_output_of_another_size() {
    let rng = &mut random(25);
    let model = (
        random_cell::elman(rng, SIZES),
        randomized(Linear::new(rng, 4, 7), rng),
        randomized(Embedding::new(rng, 7, 4), rng),
    );
    let continued = run(&model, &[uniform([2, 3, 4], rng)], |(elman, readout, embedding), x| {
        let layer = (elman.clone(), readout.clone());
        let start = layer.start(x[0].tape(), 3);
        let (logits, _) =
            free_running(&layer, x[0], start, 5, |o| o.softmax(-1).matmul(&embedding.table));
        assert_eq!(logits.shape(), [5, 3, 7]);
        vec![logits]
    });
    let of_table = continued.gradients.parameters.last().expect("of the table");
    assert!(of_table.as_slice().iter().all(|&slope| slope != 0.0));
}
