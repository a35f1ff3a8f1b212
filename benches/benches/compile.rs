//! Compiling long steps, forward and reverse, as the first call of a scan does. Each kind is measured at
//! 1, 2 and 4 times as many operations: divan prints the operations per second below the times, which
//! fall by little where compiling takes a time linear in the length.

use bptt::prelude::*;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

/// Operations of a step.
const LENGTHS: [usize; 3] = [10_000, 20_000, 40_000];

/// The number of operations where each is a product with its own matrix.
const PRODUCTS: [usize; 3] = [500, 1_000, 2_000];

type Vars<'t> = Vec<Var<'t, f32>>;

/// Compiles a step of one sequence and so many variables of the state, `[1, 2]` each.
fn compile<'t>(
    bencher: Bencher<'_, '_>,
    operations: usize,
    tape: &'t Tape<f32>,
    states: usize,
    step: impl Fn(Var<'t, f32>, &[Var<'t, f32>]) -> (Vars<'t>, Vars<'t>),
) {
    let xs = tape.constant(Tensor::zeros([1, 1, 2]));
    let state = vec![tape.constant(Tensor::zeros([1, 2])); states];
    bencher.counter(ItemsCount::new(operations)).bench_local(|| {
        // a plan is not taken from the cache of compiled steps
        black_box(tape.scan(xs, state.clone()).plan(|x, state| step(x, &state)))
    });
}

fn parameters(count: usize, shape: &[usize]) -> Vec<Param<f32>> {
    (0..count).map(|_| Param::new(Tensor::zeros(shape))).collect()
}

/// One function after the other.
#[divan::bench(args = LENGTHS, sample_count = 3, sample_size = 1)]
fn chain(bencher: Bencher<'_, '_>, length: usize) {
    let tape = Tape::new();
    compile(bencher, length, &tape, 1, |x, state| {
        let h = (0..length / 2).fold(state[0], |h, _| (h + x).tanh());
        (vec![h], vec![h])
    });
}

/// A value that is read often, and a sum of many terms.
#[divan::bench(args = LENGTHS, sample_count = 3, sample_size = 1)]
fn fan(bencher: Bencher<'_, '_>, length: usize) {
    let tape = Tape::new();
    compile(bencher, length, &tape, 1, |x, state| {
        let term = |i: usize| (state[0] * (i as f64 + 0.5)).tanh();
        let h = (0..length / 3).fold(x, |sum, i| sum + term(i));
        (vec![h], vec![h])
    });
}

/// Values that are all live at once.
#[divan::bench(args = LENGTHS, sample_count = 3, sample_size = 1)]
fn wide(bencher: Bencher<'_, '_>, length: usize) {
    let tape = Tape::new();
    compile(bencher, length, &tape, 1, |x, state| {
        let terms: Vec<_> = (1..length / 4).map(|i| (state[0] + x * i as f64).tanh()).collect();
        let h = terms.into_iter().rev().reduce(|product, term| product * term).expect("many");
        (vec![h], vec![h])
    });
}

#[divan::bench(args = LENGTHS, sample_count = 3, sample_size = 1)]
fn biases(bencher: Bencher<'_, '_>, length: usize) {
    let (tape, biases) = (Tape::new(), parameters(length / 2, &[2]));
    compile(bencher, length, &tape, 1, |x, state| {
        let h = biases.iter().fold(state[0] + x, |h, bias| (h + bias).tanh());
        (vec![h], vec![h])
    });
}

#[divan::bench(args = LENGTHS, sample_count = 3, sample_size = 1)]
fn states(bencher: Bencher<'_, '_>, length: usize) {
    let tape = Tape::new();
    compile(bencher, length, &tape, length / 2, |x, state| {
        (vec![x], state.iter().map(|&state| (state + x).tanh()).collect())
    });
}

#[divan::bench(args = LENGTHS, sample_count = 3, sample_size = 1)]
fn outputs(bencher: Bencher<'_, '_>, length: usize) {
    let tape = Tape::new();
    compile(bencher, length, &tape, 1, |x, state| {
        let mut h = state[0];
        let outputs = (0..length / 2).map(|_| {
            h = (h + x).tanh();
            h
        });
        (outputs.collect(), vec![h])
    });
}

/// Products one after the other.
#[divan::bench(args = PRODUCTS, sample_count = 3, sample_size = 1)]
fn product_chain(bencher: Bencher<'_, '_>, length: usize) {
    let (tape, weights) = (Tape::new(), parameters(length, &[2, 2]));
    compile(bencher, length, &tape, 1, |x, state| {
        let h = weights.iter().fold(state[0] + x, |h, weight| h.matmul(weight).tanh());
        (vec![h], vec![h])
    });
}

/// Products of one value, which are fused to one, summed in pairs.
#[divan::bench(args = PRODUCTS, sample_count = 3, sample_size = 1)]
fn product_fan(bencher: Bencher<'_, '_>, length: usize) {
    let (tape, weights) = (Tape::new(), parameters(length, &[2, 2]));
    compile(bencher, length, &tape, 1, |x, state| {
        let h = weights.iter().fold(x, |sum, weight| sum + state[0].matmul(weight).tanh());
        (vec![h], vec![h])
    });
}

/// Parts of a value that are joined again.
#[divan::bench(args = PRODUCTS, sample_count = 3, sample_size = 1)]
fn parts(bencher: Bencher<'_, '_>, length: usize) {
    let tape = Tape::new();
    compile(bencher, length, &tape, 1, |x, state| {
        let mut joined = state[0] + x;
        for _ in 0..length / 4 {
            let [left, right] = [0, 1].map(|column| joined.slice(1, column..column + 1).tanh());
            joined = Var::concat(&[right, left], 1);
        }
        (vec![joined], vec![joined])
    });
}
