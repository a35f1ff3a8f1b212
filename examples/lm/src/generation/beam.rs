//! The most probable continuation, by beam search.

use std::iter::repeat_n;

use bptt::Stepper;
use bptt::decode::{Beam, Bounds, Hypothesis};

use crate::model::LanguageModel;

/// The symbol that ends a text. No token has this number, since the text of a language model has no end.
const NO_END: usize = usize::MAX;

/// Returns the best continuations of `prime` by `length` tokens that a beam of this width finds, the best first.
///
/// The stepper is one of the model, for `width` sequences.
///
/// # Panics
///
/// If `prime` is empty, `width` or `length` is 0, or a token is not in the vocabulary.
#[must_use]
pub fn beam(
    model: &LanguageModel,
    stepper: Stepper<f32>,
    prime: &[u32],
    width: usize,
    length: usize,
) -> Vec<Hypothesis> {
    let (&last, before) = prime.split_last().expect("a beam continues at least one token");
    let mut reader = Reader { model, stepper, width };
    for &token in before {
        reader.read(&[0], &[token as usize]);
    }
    let bounds = Bounds { start: last as usize, end: NO_END, max_length: length };
    Beam::new(width).search_batch(bounds, |parents, last| {
        reader.read(parents, last);
        let logits = reader.stepper.output(0).chunks(model.vocabulary_size());
        logits.take(last.len()).map(log_softmax).collect()
    })
}

/// A model that reads a token for each of at most `width` hypotheses.
struct Reader<'m> {
    model: &'m LanguageModel,
    stepper: Stepper<f32>,
    width: usize,
}

impl Reader<'_> {
    /// Continues hypothesis `i` from the state of `parents[i]` by `tokens[i]`. Rows without a hypothesis copy the
    /// first.
    fn read(&mut self, parents: &[usize], tokens: &[usize]) {
        let idle = self.width - tokens.len();
        let rows: Vec<_> = parents.iter().chain(repeat_n(&parents[0], idle)).copied().collect();
        self.stepper.gather_rows(&rows);
        let tokens = tokens.iter().chain(repeat_n(&tokens[0], idle));
        let inputs = tokens.flat_map(|&token| self.model.embedding_of(token)).copied();
        self.stepper.step(&[&inputs.collect::<Vec<_>>()]);
    }
}

/// Returns `logits − ln Σ exp(logits)`.
fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|&logit| f64::from(logit - largest).exp()).sum();
    let normalizer = f64::from(largest) + sum.ln();
    logits.iter().map(|&logit| f64::from(logit) - normalizer).collect()
}
