//! Scores of a model on a text it has not learned from.

mod dynamic;
mod score;
mod surprisals;

pub use dynamic::Dynamic;
pub use score::Score;
pub use surprisals::{surprisals, words};

use bptt::Tape;

use crate::model::LanguageModel;
use crate::text::{Part, Streams};

/// Returns the score of a model on the streams of a part, each read from its beginning.
#[must_use]
pub fn score(model: &LanguageModel, part: &Part, streams: &Streams, window: usize) -> Score {
    let mut carried = model.start();
    let (mut total, mut tokens) = (0.0, 0);
    for window in streams.windows(window) {
        let tape = Tape::inference();
        let hs = model.evaluate(&tape, &window.inputs, streams.batch(), &mut carried);
        total += f64::from(model.loss(hs, &window.targets).sum().item());
        tokens += window.targets.len() as u64;
    }
    Score::new(total / tokens as f64, tokens, part)
}

#[cfg(test)]
mod tests;
