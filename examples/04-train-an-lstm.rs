//! An LSTM of the library that learns to remember: after ten steps, it says what the first one was.

use bptt::prelude::*;

const STEPS: usize = 10;
const BATCH: usize = 16;
const SYMBOLS: usize = 4;

/// A model is a struct of layers. The derive names its parameters, for optimizers and files.
#[derive(Module)]
struct Model<T> {
    embedding: Embedding<T>,
    recurrent: Lstm<T>,
    output: Linear<T>,
}

impl<T: Scalar> Model<T> {
    fn new(rng: &mut impl Rng) -> Self {
        Self {
            embedding: Embedding::new(rng, SYMBOLS, 8),
            recurrent: Lstm::new(rng, 8, 24),
            output: Linear::new(rng, 24, SYMBOLS),
        }
    }

    /// Maps symbols `[T, B]` to logits `[B, SYMBOLS]` after the last step.
    fn logits<'t>(&self, tape: &'t Tape<T>, symbols: &[usize]) -> Var<'t, T> {
        let xs = self.embedding.forward(tape, symbols, [STEPS, BATCH]);
        let (last, _state) =
            Recurrence::new(&self.recurrent).last(xs, self.recurrent.start(tape, BATCH));
        self.output.forward(last)
    }
}

fn main() -> Result<(), NonFiniteGradient> {
    let mut rng = bptt::rng(0);
    let mut model = Model::<f32>::new(&mut rng);
    let mut optimizer = Adam::new(0.01);
    let mut accuracy = 0.0;
    for step in 1..=300 {
        let symbols: Vec<usize> =
            (0..STEPS * BATCH).map(|_| rng.random_range(0..SYMBOLS)).collect();
        let targets = &symbols[..BATCH]; // those of the first step
        let tape = Tape::new();
        let logits = model.logits(&tape, &symbols);
        let loss = loss::cross_entropy(logits, targets).mean();
        let mut gradients = tape.backward(loss); // back-propagation through time
        clip_norm(&model, &mut gradients, 1.0)?;
        accuracy = metrics::accuracy(&logits.value(), targets, None);
        if step % 100 == 0 {
            println!("step {step}: loss {:.4}, accuracy {accuracy:.2}", loss.item());
        }
        drop(tape);
        optimizer.step(&mut model, &gradients);
    }
    assert!(accuracy > 0.9, "{accuracy}");
    Ok(())
}
