//! Whole models, from symbols to a loss.

use bptt_autodiff::Checkpoint;
use bptt_gradcheck::model;
use bptt_layers::loss::CrossEntropy;
use bptt_layers::{Embedding, Layer, Linear, Lstm, Module, Recurrence};

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
            let (ys, _) = recurrence.checkpoint(Checkpoint::Auto).run(xs, start);
            let options = CrossEntropy::new().label_smoothing(0.1).ignored_index(9);
            options.of(model.output.forward(ys), &NEXT).mean()
        },
    )
    .cases(4)
    .check();
}
