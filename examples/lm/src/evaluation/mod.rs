//! Scores of a model on a text it has not learned from.

mod dynamic;
mod floor;
mod score;
mod surprisals;

pub use dynamic::Dynamic;
pub use floor::floor;
pub use score::Score;
pub use surprisals::{surprisals, words};

use bptt::prelude::*;
use bptt::tensor::release_pooled_memory;

use crate::model::{Carried, LanguageModel};
use crate::text::{Part, Streams, Window};

/// Returns the score of a model on the streams of a part, each read from its beginning.
#[must_use]
pub fn score(model: &LanguageModel, part: &Part, streams: &Streams, window: usize) -> Score {
    let mut carried = model.start();
    let (mut total, mut tokens) = (0.0, 0);
    for window in streams.windows(window) {
        // Layers and logits take buffers of other sizes. Those of one need not stay while the other computes.
        let hs = outputs(model, &window, streams.batch(), &mut carried);
        release_pooled_memory();
        total += loss(model, hs, &window.targets);
        release_pooled_memory();
        tokens += window.targets.len() as u64;
    }
    Score::new(total / tokens as f64, tokens, part)
}

fn outputs(
    model: &LanguageModel,
    window: &Window,
    batch: usize,
    carried: &mut Carried,
) -> Tensor<f32> {
    let tape = Tape::inference();
    model.evaluate(&tape, &window.inputs, batch, carried).value()
}

/// The sum over all places.
fn loss(model: &LanguageModel, hs: Tensor<f32>, targets: &[usize]) -> f64 {
    let tape = Tape::inference();
    f64::from(model.loss(tape.constant(hs), targets).sum().item())
}

#[cfg(test)]
mod tests;
