//! A step of one sequence, beside the time of reading as many bytes as its weights have. The counters are these bytes.

use bptt::prelude::*;
use divan::counter::BytesCount;
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

const UNITS: usize = 650;

/// The matrices of two layers: `[2 · 650, 4 · 650]` each.
const WEIGHTS: usize = 2 * (2 * UNITS) * (4 * UNITS);

fn bytes() -> BytesCount {
    BytesCount::new(WEIGHTS * size_of::<f32>())
}

/// Two LSTMs of 650 units.
#[divan::bench]
fn two_lstms(bencher: Bencher<'_, '_>) {
    let rng = &mut bptt::rng(0);
    let layers =
        Stack::new(vec![Lstm::<f32>::new(rng, UNITS, UNITS), Lstm::new(rng, UNITS, UNITS)]);
    let mut stepper = stepper(&layers, [1, UNITS]);
    let entry = [0.1; UNITS];
    bptt::low_latency(|| bencher.counter(bytes()).bench_local(|| stepper.step(&[&entry])));
}

/// The sum of as many numbers, on all threads.
#[divan::bench]
fn reading_the_weights(bencher: Bencher<'_, '_>) {
    let numbers = Tensor::<f32>::full([WEIGHTS], 0.1);
    bencher.counter(bytes()).bench_local(|| black_box(numbers.sum_all()));
}
