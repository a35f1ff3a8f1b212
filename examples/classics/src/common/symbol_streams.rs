//! Endless streams of the symbols of a language.

use bptt::prelude::*;
use bptt::tasks::languages::Language;

use crate::common::legal::are_legal_first;

/// Streams of `T + 1` symbols each, which begin with a sentence.
pub(crate) struct Streams {
    size: usize,
    streams: usize,
    /// `[T + 1, B]`
    symbols: Vec<usize>,
    /// Whether each symbol may come next, `[T + 1, B, K]`.
    legal: Vec<bool>,
}

impl Streams {
    pub(crate) fn draw(language: &Language, seed: u64, [steps, streams]: [usize; 2]) -> Self {
        let (rng, alphabet) = (&mut bptt::rng(seed), language.alphabet());
        let mut readers: Vec<_> = (0..streams).map(|_| language.reader()).collect();
        let (mut symbols, mut legal) = (Vec::new(), Vec::new());
        for _ in 0..=steps {
            for reader in &mut readers {
                let drawn = reader.draw(rng);
                symbols.extend(alphabet.iter().position(|symbol| *symbol == drawn));
                let next: Vec<char> = reader.choices().map(|(symbol, _)| symbol).collect();
                legal.extend(alphabet.iter().map(|symbol| next.contains(symbol)));
            }
        }
        Self { size: alphabet.len(), streams, symbols, legal }
    }

    /// Returns `steps` symbols of each stream with one 1, `[steps, B, K]`, and those that follow them, `[steps, B]`.
    pub(crate) fn window(&self, begin: usize, steps: usize) -> (Tensor<f32>, &[usize]) {
        let Self { size, streams, .. } = *self;
        let symbols = &self.symbols[begin * streams..];
        let entry = |i: usize| f32::from(u8::from(symbols[i / size] == i % size));
        let inputs = Tensor::from_fn([steps, streams, size], entry);
        (inputs, &symbols[streams..(steps + 1) * streams])
    }

    /// Whether the prediction at a place in `[T, B]` is right, for logits `[T, B, K]`.
    pub(crate) fn is_right(&self, place: usize, logits: &[f32]) -> bool {
        let places = place * self.size..(place + 1) * self.size;
        let logits = logits[places.clone()].iter().map(|logit| f64::from(*logit));
        are_legal_first(&logits.zip(self.legal[places].iter().copied()))
    }
}
