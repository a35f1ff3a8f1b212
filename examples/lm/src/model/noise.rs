//! Dropout of words, inputs and outputs in training.

use bptt::prelude::*;

use super::settings::RegularizationSettings;

/// The rates of dropout outside of the cells. Those within, of states and weights, are part of the
/// [layers](super::cells::layer).
#[derive(Clone, Debug)]
pub(super) struct Noise {
    words: f64,
    input: f64,
    between: f64,
    output: f64,
    /// Whether the same units are dropped at all steps.
    locked: bool,
}

impl Noise {
    pub(super) fn new(settings: &RegularizationSettings) -> Self {
        Self {
            words: settings.dropout_words,
            input: settings.dropout_input.unwrap_or(settings.dropout),
            between: settings.dropout,
            output: settings.dropout_output.unwrap_or(settings.dropout),
            locked: settings.locked_dropout,
        }
    }

    /// Drops words from the embeddings `xs: [T, B, E]` of `tokens`, at all places where they occur, and then units.
    pub(super) fn embeddings<'t>(
        &self,
        xs: Var<'t, f32>,
        tokens: &[usize],
        vocabulary_size: usize,
        rng: &mut impl Rng,
    ) -> Var<'t, f32> {
        let xs = match scaled_mask([vocabulary_size], self.words, rng) {
            Some(kept) => {
                let [steps, batch] = [xs.shape()[0], xs.shape()[1]];
                let factor = |place: usize| kept.as_slice()[tokens[place]];
                xs * &Tensor::from_fn([steps, batch, 1], factor)
            }
            None => xs,
        };
        self.units(xs, self.input, rng)
    }

    /// Drops units from what one layer hands to the next, `[T, B, H]`.
    pub(super) fn between<'t>(&self, hs: Var<'t, f32>, rng: &mut impl Rng) -> Var<'t, f32> {
        self.units(hs, self.between, rng)
    }

    /// Drops units from what the head reads, `[T, B, H]`.
    pub(super) fn outputs<'t>(&self, hs: Var<'t, f32>, rng: &mut impl Rng) -> Var<'t, f32> {
        self.units(hs, self.output, rng)
    }

    fn units<'t>(&self, xs: Var<'t, f32>, rate: f64, rng: &mut impl Rng) -> Var<'t, f32> {
        let shape = xs.shape();
        let steps = if self.locked { 1 } else { shape[0] };
        match scaled_mask([steps, shape[1], shape[2]], rate, rng) {
            Some(mask) => xs * &mask,
            None => xs,
        }
    }
}

/// Draws a mask of 0 with probability `rate` and `1 / (1 − rate)` else; `None` if nothing is dropped.
fn scaled_mask(shape: impl Into<Shape>, rate: f64, rng: &mut impl Rng) -> Option<Tensor<f32>> {
    (rate > 0.0).then(|| {
        let mut mask = Tensor::bernoulli(shape, 1.0 - rate, rng);
        mask *= 1.0 / (1.0 - rate);
        mask
    })
}
