//! Questions about what happens inside a recurrent network, in single precision.

use bptt::analysis::gradients::GradientsOverTime;
use bptt::prelude::*;
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

/// Gradients over time of an LSTM, with a loss at each step.
mod gradients {
    use super::*;

    /// `[T, B, I, H]`
    type Size = [usize; 4];

    const SIZES: [Size; 4] =
        [[100, 1, 64, 64], [100, 8, 64, 64], [100, 32, 64, 64], [400, 1, 64, 64]];

    fn ask<R>(
        bencher: Bencher<'_, '_>,
        [steps, batch, input, hidden]: Size,
        question: impl Fn(&Lstm<f32>, &Tensor<f32>) -> R,
    ) {
        let rng = &mut bptt::rng(0);
        let lstm = Lstm::new(rng, input, hidden);
        let xs = Tensor::normal([steps, batch, input], 0.0, 1.0, rng);
        bencher.bench_local(|| black_box(question(&lstm, &xs)));
    }

    fn loss(ys: Var<'_, f32>) -> Var<'_, f32> {
        ys.square().sum_all()
    }

    /// One run forward and back, for comparison.
    #[divan::bench(args = SIZES, sample_count = 20)]
    fn whole(bencher: Bencher<'_, '_>, size: Size) {
        ask(bencher, size, |lstm, xs| {
            let tape = Tape::new();
            tape.backward(loss(lstm.forward(tape.constant(xs.clone())).0))
        });
    }

    #[divan::bench(args = SIZES, sample_count = 20)]
    fn states(bencher: Bencher<'_, '_>, size: Size) {
        ask(bencher, size, |lstm, xs| GradientsOverTime::new(lstm, xs, loss).states());
    }

    #[divan::bench(args = SIZES, sample_count = 5)]
    fn error_flow(bencher: Bencher<'_, '_>, size: Size) {
        ask(bencher, size, |lstm, xs| GradientsOverTime::new(lstm, xs, loss).error_flow());
    }

    #[divan::bench(args = SIZES, sample_count = 5)]
    fn by_lag(bencher: Bencher<'_, '_>, size: Size) {
        ask(bencher, size, |lstm, xs| GradientsOverTime::new(lstm, xs, loss).by_lag());
    }

    #[divan::bench(args = SIZES, sample_count = 20)]
    fn bias(bencher: Bencher<'_, '_>, size: Size) {
        let truncation = Truncation::new(10, 20);
        ask(bencher, size, |lstm, xs| GradientsOverTime::new(lstm, xs, loss).bias(truncation));
    }
}
