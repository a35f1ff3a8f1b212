//! Decoding. The time of a symbol is the printed time divided by the number of symbols. The counter is the number of
//! symbols, so the rate below the times is symbols per second.

use bptt::decode::Beam;
use bptt::prelude::*;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

const HIDDEN: [usize; 2] = [32, 128];
const VOCABULARY: usize = 60;
const SOURCE: [usize; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
const SYMBOLS: usize = 40;

fn random() -> Xoshiro256PlusPlus {
    bptt::rng(0)
}

type Model = EncoderDecoder<f32, Gru<f32>, Gru<f32>>;

/// A model that never ends a sequence.
fn model(hidden: usize, attention: Option<Attention<f32>>) -> Model {
    let rng = &mut random();
    let features = if attention.is_some() { 2 * hidden } else { hidden };
    EncoderDecoder {
        source: Embedding::new(rng, VOCABULARY, hidden),
        encoder: Gru::new(rng, hidden, hidden),
        target: Embedding::new(rng, VOCABULARY, hidden),
        decoder: Gru::new(rng, hidden, hidden),
        attention,
        output: Linear::new(rng, features, VOCABULARY),
        start: 0,
        end: VOCABULARY,
    }
}

fn additive(hidden: usize) -> Option<Attention<f32>> {
    Some(Attention::additive(&mut random(), hidden, hidden, hidden))
}

fn multiplicative(hidden: usize) -> Option<Attention<f32>> {
    Some(Attention::multiplicative(&mut random(), hidden, hidden))
}

fn greedy_of(bencher: Bencher<'_, '_>, model: &Model) {
    bencher
        .counter(ItemsCount::new(SYMBOLS))
        .bench_local(|| black_box(model.greedy(&SOURCE, SYMBOLS)));
}

fn beam_of(bencher: Bencher<'_, '_>, model: &Model) {
    let beam = Beam::new(4);
    bencher
        .counter(ItemsCount::new(SYMBOLS))
        .bench_local(|| black_box(model.beam(&SOURCE, beam, SYMBOLS)));
}

#[divan::bench(args = HIDDEN)]
fn greedy(bencher: Bencher<'_, '_>, hidden: usize) {
    greedy_of(bencher, &model(hidden, None));
}

#[divan::bench(args = HIDDEN)]
fn greedy_additive(bencher: Bencher<'_, '_>, hidden: usize) {
    greedy_of(bencher, &model(hidden, additive(hidden)));
}

#[divan::bench(args = HIDDEN)]
fn greedy_multiplicative(bencher: Bencher<'_, '_>, hidden: usize) {
    greedy_of(bencher, &model(hidden, multiplicative(hidden)));
}

#[divan::bench(args = HIDDEN)]
fn beam_of_four(bencher: Bencher<'_, '_>, hidden: usize) {
    beam_of(bencher, &model(hidden, None));
}

#[divan::bench(args = HIDDEN)]
fn beam_of_four_additive(bencher: Bencher<'_, '_>, hidden: usize) {
    beam_of(bencher, &model(hidden, additive(hidden)));
}

/// The least that a symbol can take: the decoder's step alone.
#[divan::bench(args = HIDDEN)]
fn stepper_alone(bencher: Bencher<'_, '_>, hidden: usize) {
    let cell = Gru::<f32>::new(&mut random(), hidden, hidden);
    let mut online = stepper(&cell, [1, hidden]);
    let x = vec![0.1; hidden];
    bencher.counter(ItemsCount::new(SYMBOLS)).bench_local(|| {
        for _ in 0..SYMBOLS {
            online.step(&[&x]);
        }
    });
}

/// Pointers into four sequences of twelve elements.
#[divan::bench(args = HIDDEN)]
fn pointers(bencher: Bencher<'_, '_>, hidden: usize) {
    let rng = &mut random();
    let network = PointerNetwork {
        encoder: Gru::<f32>::new(rng, 2, hidden),
        decoder: Gru::new(rng, 2, hidden),
        first: Param::new(Tensor::zeros([2])),
        attention: Attention::additive(rng, hidden, hidden, hidden),
        permutes: false,
    };
    let xs = Tensor::normal([12, 4, 2], 0.0, 1.0, rng);
    bencher.counter(ItemsCount::new(SYMBOLS)).bench_local(|| {
        let tape = Tape::new();
        black_box(network.greedy(tape.constant(xs.clone()), None, SYMBOLS))
    });
}

/// A training step's forward pass with scheduled sampling, of four sequences.
#[divan::bench(args = HIDDEN)]
fn scheduled_sampling(bencher: Bencher<'_, '_>, hidden: usize) {
    let model = model(hidden, additive(hidden));
    let source: Vec<usize> = SOURCE.iter().flat_map(|&symbol| [symbol; 4]).collect();
    let targets = [5; 4 * SYMBOLS];
    bencher.counter(ItemsCount::new(SYMBOLS)).bench_local(|| {
        let (tape, mut rng) = (Tape::new(), random());
        let encoded = model.encode(&tape, &source, [SOURCE.len(), 4], None);
        let logits = model.in_training(&mut rng).scheduled_sampling(&encoded, &targets, 0.5);
        black_box(logits.value())
    });
}
