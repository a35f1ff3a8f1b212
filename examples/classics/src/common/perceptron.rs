//! A multilayer perceptron that learns by plain gradient descent to name pictures of letters and digits.

use bptt::tasks::{Batch, Glyphs};

use crate::prelude::*;

const PIXELS: usize = 9 * 7;
const HIDDEN: usize = 64;

/// The updates whose losses are averaged.
pub(crate) const PART: usize = 20;

/// A net of three hidden layers with one function, and the generator of its pictures.
pub(crate) struct Perceptron {
    layers: Vec<Linear<f32>>,
    function: Activation<f32>,
    rng: bptt::Xoshiro256PlusPlus,
}

impl Perceptron {
    pub(crate) fn new(seed: u64, function: Activation<f32>) -> Self {
        let mut rng = bptt::rng(seed);
        let sizes = [PIXELS, HIDDEN, HIDDEN, HIDDEN, Glyphs::CHARACTERS.len()];
        let layers = sizes.windows(2).map(|pair| Linear::new(&mut rng, pair[0], pair[1])).collect();
        Self { layers, function, rng }
    }

    /// Trains by plain gradient descent. Returns the mean loss of every [`PART`] updates.
    pub(crate) fn train(&mut self, learning_rate: f64, updates: usize) -> Vec<f64> {
        let (mut optimizer, mut losses) = (Sgd::new(learning_rate), Vec::new());
        for _ in 0..updates {
            let Batch { inputs, targets } = glyphs().batch(&mut self.rng, 64);
            let tape = Tape::new();
            let (_, logits) = self.run(tape.constant(inputs));
            let loss = loss::cross_entropy(logits, &targets).mean();
            let gradients = tape.backward(loss);
            optimizer.step(&mut self.layers, &gradients);
            losses.push(f64::from(loss.item()));
        }
        losses.chunks(PART).map(|part| part.iter().sum::<f64>() / part.len() as f64).collect()
    }

    /// Returns the units of the first layer, `[B, 64]`, for 1000 pictures of the test.
    pub(crate) fn first_layer(&self) -> Tensor<f32> {
        let pictures = glyphs().batch(&mut bptt::rng(1000), 1000).inputs;
        self.run(Tape::inference().constant(pictures)).0.value()
    }

    /// Returns the units of the first layer, and the logits.
    fn run<'t>(&self, pictures: Var<'t, f32>) -> (Var<'t, f32>, Var<'t, f32>) {
        let (output, hidden) = self.layers.split_last().expect("layers");
        let apply = |x, layer: &Linear<f32>| self.function.apply(layer.forward(x));
        let first = apply(pictures.reshape([pictures.shape()[0], PIXELS]), &hidden[0]);
        (first, output.forward(hidden[1..].iter().fold(first, apply)))
    }
}

/// Returns the share of values that are not above 0.
pub(crate) fn share_of_zeros(values: &Tensor<f32>) -> f64 {
    values.iter().filter(|&&y| y <= 0.0).count() as f64 / values.len() as f64
}

fn glyphs() -> Glyphs {
    Glyphs::new().shift(1).noise(0.02)
}
