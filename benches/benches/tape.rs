//! Bookkeeping of the tape: a long chain of operations on few elements, so that nearly all of the
//! time is spent on nodes rather than on numbers. Divan prints the time of the whole chain and,
//! under it, nodes per second.

use bptt::prelude::*;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

const STEPS: usize = 2_000;

/// `h ← tanh(h ⊙ w + x)`, three nodes a step, on a batch of one and four units.
fn chain<'t>(tape: &'t Tape<f32>, w: &Param<f32>, x: Var<'t, f32>) -> Var<'t, f32> {
    let mut h = tape.constant(Tensor::zeros([1, 4]));
    for _ in 0..STEPS {
        h = (h * w + x).tanh();
    }
    h.sum_all()
}

#[divan::bench]
fn forward(bencher: Bencher<'_, '_>) {
    let w = Param::new(Tensor::full([1, 4], 0.5));
    bencher.counter(ItemsCount::new(3 * STEPS)).bench_local(|| {
        let tape = Tape::new();
        let x = tape.constant(Tensor::ones([1, 4]));
        black_box(chain(&tape, &w, x).item())
    });
}

#[divan::bench]
fn forward_and_backward(bencher: Bencher<'_, '_>) {
    let w = Param::new(Tensor::full([1, 4], 0.5));
    bencher.counter(ItemsCount::new(3 * STEPS)).bench_local(|| {
        let tape = Tape::new();
        let x = tape.constant(Tensor::ones([1, 4]));
        let gradients = tape.backward(chain(&tape, &w, x));
        black_box(gradients[&w][[0, 0]])
    });
}
