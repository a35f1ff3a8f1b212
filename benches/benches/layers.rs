//! An LSTM layer, forward and backward, in single precision. Below the times stands the rate of
//! floating-point operations that the matrix products make up (2·M·N·K each; three times the
//! forward's for forward and backward).

use bptt::prelude::*;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

/// `[T, B, I, H]`
const SIZES: [[usize; 4]; 3] = [[100, 32, 256, 256], [50, 64, 1024, 1024], [100, 1, 4, 4]];

fn flops([steps, batch, input, hidden]: [usize; 4]) -> usize {
    2 * steps * batch * 4 * hidden * (input + hidden)
}

fn lstm([steps, batch, input, hidden]: [usize; 4]) -> (Lstm<f32>, Tensor<f32>) {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
    let xs = Tensor::normal([steps, batch, input], 0.0, 1.0, &mut rng);
    (Lstm::new(&mut rng, input, hidden), xs)
}

#[divan::bench(args = SIZES, sample_count = 20)]
fn lstm_forward(bencher: Bencher<'_, '_>, size: [usize; 4]) {
    let (lstm, xs) = lstm(size);
    bencher.counter(ItemsCount::new(flops(size))).bench_local(|| {
        let tape = Tape::new();
        let xs = tape.constant(xs.clone());
        let (ys, _) = scan(&lstm, xs, lstm.zero_state(&tape, size[1]));
        black_box(ys.value())
    });
}

#[divan::bench(args = SIZES, sample_count = 20)]
fn lstm_forward_and_backward(bencher: Bencher<'_, '_>, size: [usize; 4]) {
    let (lstm, xs) = lstm(size);
    bencher.counter(ItemsCount::new(3 * flops(size))).bench_local(|| {
        let tape = Tape::new();
        let xs = tape.variable(xs.clone());
        let (ys, _) = scan(&lstm, xs, lstm.zero_state(&tape, size[1]));
        black_box(tape.backward(ys.square().sum_all()))
    });
}
