//! Tokens drawn from a model's predictions.

use bptt::decode::Sampling;
use bptt::prelude::*;

use crate::model::LanguageModel;

/// The number of tokens whose products with the weights of the first layer are kept. They are the first that occur, most
/// of which are frequent ones.
const REMEMBERED: usize = 512;

/// An endless iterator over the tokens that a model writes. Each is drawn from the model's prediction, and is then the
/// model's next input. The same seed gives the same tokens.
#[derive(Debug)]
pub struct Continuation<'m> {
    model: &'m LanguageModel,
    sampling: Sampling,
    rng: Xoshiro256PlusPlus,
    /// Its output is the logits of the next token.
    reader: Stepper<f32>,
}

impl<'m> Continuation<'m> {
    /// Continues `prime`. The stepper is one of the model, for one sequence.
    ///
    /// # Panics
    ///
    /// If `prime` is empty, since a model predicts from at least one token, or if a token is not in the vocabulary.
    #[must_use]
    pub fn new(
        model: &'m LanguageModel,
        stepper: Stepper<f32>,
        prime: &[u32],
        sampling: Sampling,
        seed: u64,
    ) -> Self {
        assert!(!prime.is_empty(), "nothing to continue");
        let mut reader = stepper.memoize(REMEMBERED);
        for &token in prime {
            reader.step(&[model.embedding_of(token as usize)]);
        }
        Self { model, sampling, rng: bptt::rng(seed), reader }
    }
}

impl Iterator for Continuation<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let token = self.sampling.draw(self.reader.output(0), &mut self.rng);
        self.reader.step(&[self.model.embedding_of(token)]);
        Some(token as u32)
    }
}
