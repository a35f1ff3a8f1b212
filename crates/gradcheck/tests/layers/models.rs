//! Whole models, from symbols to a loss.

use bptt_autodiff::{Param, Recompute};
use bptt_gradcheck::model;
use bptt_layers::loss::CrossEntropy;
use bptt_layers::{Crf, Embedding, Layer, Linear, Lstm, Module, Recurrence};
use bptt_tensor::Tensor;

#[derive(Module)]
struct LanguageModel<T> {
    embedding: Embedding<T>,
    lstm: Lstm<T>,
    output: Linear<T>,
}

#[test]
fn a_language_model() {
    const SYMBOLS: [usize; 6] = [1, 0, 2, 2, 1, 3];
    const NEXT: [usize; 6] = [2, 2, 1, 3, 0, 9];
    const LENGTHS: [usize; 2] = [3, 2];
    model(
        |rng| LanguageModel {
            embedding: Embedding::new(rng, 4, 2),
            lstm: Lstm::new(rng, 2, 3),
            output: Linear::new(rng, 3, 4),
        },
        |model, tape, _| {
            let xs = model.embedding.forward(tape, &SYMBOLS, [3, 2]);
            let recurrence = Recurrence::new(&model.lstm).lengths(&LENGTHS);
            let start = model.lstm.start(tape, 2);
            let (ys, _) = recurrence.recompute(Recompute::Auto).run(xs, start);
            let options = CrossEntropy::new().label_smoothing(0.1).ignored_index(9);
            options.of(model.output.forward(ys), &NEXT).mean()
        },
    )
    .cases(4)
    .check();
}

/// Sequences of three, two and no steps. A mask counts one of them in part.
#[test]
fn a_conditional_random_field() {
    const TARGETS: [usize; 9] = [2, 0, 9, 1, 1, 9, 2, 9, 9];
    model(
        |rng| {
            let mut scores = |shape: &[usize]| Param::new(Tensor::normal(shape, 0.0, 1.0, rng));
            let mut field = Crf::new(3);
            field.start = scores(&[3]);
            field.transitions = scores(&[3, 3]);
            field.end = scores(&[3]);
            field
        },
        |field, _, x| {
            let loss = field.negative_log_likelihood(x[0], &[3, 2, 0], &TARGETS);
            loss.masked(&Tensor::from_vec([3], vec![1.0, 0.5, 1.0])).per_position()
        },
    )
    .inputs([[3, 3, 3]])
    .domain(bptt_gradcheck::domains())
    .cases(8)
    .check();
}
