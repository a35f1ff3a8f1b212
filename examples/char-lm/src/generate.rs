//! Drawing characters from a model's predictions.

use bptt::decode::Sampling;
use bptt::prelude::*;

use crate::model::CharModel;

/// A source of tokens drawn from logits. The same seed and logits give the same tokens.
#[derive(Clone, Debug)]
pub struct Sampler {
    sampling: Sampling,
    rng: Xoshiro256PlusPlus,
}

impl Sampler {
    /// A sampler with these settings.
    #[must_use]
    pub fn new(sampling: Sampling, seed: u64) -> Self {
        Self { sampling, rng: bptt::rng(seed) }
    }

    /// Draws one token, given the `logits` of all tokens, `[V]`.
    ///
    /// # Panics
    ///
    /// As [`Sampling::draw`].
    pub fn sample(&mut self, logits: &[f32]) -> usize {
        self.sampling.draw(logits, &mut self.rng)
    }
}

/// An endless iterator over the tokens that a model generates. A [`Sampler`] draws each token, which is then the model's
/// next input.
#[derive(Debug)]
pub struct Continuation<'a> {
    model: &'a CharModel,
    sampler: Sampler,
    /// The model with its carried state. Its output is the logits of the next token.
    reader: Stepper<f32>,
}

impl<'a> Continuation<'a> {
    /// Continues `prime`.
    ///
    /// # Panics
    ///
    /// If `prime` is empty, since a model predicts from at least one token, or if a token is not below `V`.
    #[must_use]
    pub fn new(model: &'a CharModel, prime: &[usize], sampler: Sampler) -> Self {
        assert!(!prime.is_empty(), "nothing to continue");
        let mut continuation = Self { model, sampler, reader: model.stepper() };
        prime.iter().for_each(|&token| continuation.read(token));
        continuation
    }

    fn read(&mut self, token: usize) {
        self.reader.step(&[self.model.embedding_of(token)]);
    }
}

impl Iterator for Continuation<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let token = self.sampler.sample(self.reader.output(0));
        self.read(token);
        Some(token)
    }
}
