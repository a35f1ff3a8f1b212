//! A training step of an output layer alone, over 100 000 words, with `H = 650` features at 20 × 35 positions. Words
//! follow Zipf's law, the most frequent first. For the peak of memory, run one of the benchmarks in a process.

use bptt::prelude::*;
use divan::Bencher;

const WORDS: usize = 100_000;
const HIDDEN: usize = 650;
const POSITIONS: [usize; 2] = [35, 20];

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn full(bencher: Bencher<'_, '_>) {
    let linear = Linear::new(&mut bptt::rng(0), HIDDEN, WORDS);
    train(bencher, linear, |linear, hs, words| {
        loss::cross_entropy(linear.forward(hs), words).mean()
    });
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn adaptive(bencher: Bencher<'_, '_>) {
    let softmax = AdaptiveSoftmax::new(&mut bptt::rng(0), HIDDEN, WORDS, &[2_000, 20_000], 4);
    train(bencher, softmax, |softmax, hs, words| softmax.loss(hs, words).mean());
}

/// Measures forward pass, gradient and update.
fn train<M: Module<f32>>(
    bencher: Bencher<'_, '_>,
    mut model: M,
    loss: impl for<'t> Fn(&M, Var<'t, f32>, &[usize]) -> Var<'t, f32>,
) {
    let mut rng = bptt::rng(1);
    let [steps, batch] = POSITIONS;
    let hs = Tensor::uniform([steps, batch, HIDDEN], -1.0, 1.0, &mut rng);
    let words: Vec<usize> = (0..steps * batch).map(|_| zipf(&mut rng)).collect();
    let mut optimizer = Sgd::new(0.1);
    bencher.bench_local(|| {
        let tape = Tape::new();
        let loss = loss(&model, tape.variable(hs.clone()), &words);
        let gradients = tape.backward(loss);
        drop(tape);
        optimizer.step(&mut model, &gradients);
    });
}

/// Draws a word `k` with a probability of about `1 / (k + 1)`: `ln (k + 1)` is uniform.
fn zipf(rng: &mut impl Rng) -> usize {
    let log: f64 = rng.random_range(0.0..(WORDS as f64).ln());
    (log.exp() as usize - 1).min(WORDS - 1)
}
