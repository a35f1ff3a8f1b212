//! Calls from a thread of the pool and from another: a loop on the tape, and a compiled scan, forward and backward.

use bptt::prelude::*;
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

#[derive(Clone, Copy, Debug)]
enum Caller {
    Pool,
    Other,
}

const CALLERS: [Caller; 2] = [Caller::Pool, Caller::Other];

fn bench(bencher: Bencher<'_, '_>, caller: Caller, run: impl Fn() + Sync) {
    bencher.bench_local(|| match caller {
        Caller::Pool => rayon::scope(|_| run()),
        Caller::Other => run(),
    });
}

/// A loop on the tape over 100 steps, whose state is a matrix for each of 4 heads, `[32, 4, 32, 32]`: elementwise functions
/// of 131 072 elements, which are just enough for two threads.
#[divan::bench(args = CALLERS, sample_count = 20)]
fn operation_by_operation(bencher: Bencher<'_, '_>, caller: Caller) {
    bench(bencher, caller, || {
        let tape = Tape::<f32>::new();
        let xs = tape.variable(Tensor::full([100, 32, 4, 32, 1], 0.1));
        let mut state = tape.constant(Tensor::zeros([32, 4, 32, 32]));
        for time in 0..100 {
            let k = xs.index_first(time);
            state = state * 0.9 + k * k.transpose(2, 3);
        }
        let gradients = tape.backward(state.square().sum_all());
        black_box(gradients.wrt(xs).len());
    });
}

/// An LSTM 256 → 256 over 100 steps of 32 sequences.
#[divan::bench(args = CALLERS, sample_count = 20)]
fn compiled(bencher: Bencher<'_, '_>, caller: Caller) {
    let lstm = Lstm::<f32>::new(&mut bptt::rng(0), 256, 256);
    bench(bencher, caller, || {
        let tape = Tape::new();
        let xs = tape.variable(Tensor::full([100, 32, 256], 0.1));
        let gradients = tape.backward(lstm.forward(xs).0.square().sum_all());
        black_box(gradients.wrt(xs).len());
    });
}
