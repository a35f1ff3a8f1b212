//! One pass of a model over a text.

use bptt::Tape;

use crate::model::LanguageModel;
use crate::text::Tokens;

/// The tokens that are read at once. The result does not depend on it.
const WINDOW: usize = 128;

/// What a model computes while it reads a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The tokens.
    pub tokens: Vec<u32>,
    /// `-ln P` of each token given those before, in nats. The first token of a text has none.
    pub surprisals: Vec<Option<f64>>,
    /// The outputs of each layer after each token, the lowest layer first.
    pub layers: Vec<Activations>,
}

/// The outputs of a layer after each of `N` tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct Activations {
    hidden_size: usize,
    /// `[N, H]`
    values: Vec<f32>,
}

impl Activations {
    /// Creates the outputs of a layer with so many units from `values: [N, H]`.
    ///
    /// # Panics
    ///
    /// If there is no unit, or if the last token has not one value for each.
    #[must_use]
    pub fn new(hidden_size: usize, values: Vec<f32>) -> Self {
        assert!(values.len().is_multiple_of(hidden_size), "a token lacks some of its units");
        Self { hidden_size, values }
    }

    /// Returns the number of units, `H`.
    #[must_use]
    pub fn hidden_size(&self) -> usize {
        self.hidden_size
    }

    /// Returns the output of a unit after each token.
    ///
    /// # Panics
    ///
    /// If the unit is not below `H`.
    pub fn of_unit(&self, unit: usize) -> impl Iterator<Item = f32> + '_ {
        assert!(unit < self.hidden_size, "unit {unit} of {}", self.hidden_size);
        self.values.iter().skip(unit).step_by(self.hidden_size).copied()
    }
}

/// Reads a text from its beginning. The results of the first `skip` tokens are dropped, and those of at most `length`
/// more tokens are kept.
#[must_use]
pub fn read(model: &LanguageModel, tokens: &Tokens, skip: usize, length: usize) -> Reading {
    let end = tokens.len().min(skip.saturating_add(length));
    let skip = skip.min(end);
    let mut surprisals = vec![None; end];
    let mut layers = Vec::new();
    let mut carried = model.start();
    for start in (0..end).step_by(WINDOW) {
        let stop = end.min(start + WINDOW);
        let tape = Tape::inference();
        let inputs: Vec<_> = tokens.iter(start..stop).map(|it| it as usize).collect();
        let outputs = model.activations(&tape, &inputs, 1, &mut carried);
        layers.resize_with(outputs.len() - 1, Vec::new);
        let new = skip.clamp(start, stop) - start; // the first step that is kept
        for (kept, ys) in layers.iter_mut().zip(&outputs[1..]) {
            kept.extend_from_slice(ys.slice(0, new..stop - start).value().as_slice());
        }
        // the token after the last one that is read is not part of the text
        let targets: Vec<_> =
            tokens.iter(start + 1..end.min(stop + 1)).map(|it| it as usize).collect();
        if !targets.is_empty() {
            let hs = outputs[outputs.len() - 1].slice(0, 0..targets.len());
            let losses = model.loss(hs, &targets).per_position().value();
            for (surprisal, &loss) in surprisals[start + 1..].iter_mut().zip(losses.as_slice()) {
                *surprisal = Some(f64::from(loss));
            }
        }
    }
    let layers = layers.into_iter().map(|values| {
        let hidden_size = values.len() / (end - skip).max(1);
        Activations::new(hidden_size.max(1), values)
    });
    Reading {
        tokens: tokens.iter(skip..end).collect(),
        surprisals: surprisals.split_off(skip),
        layers: layers.collect(),
    }
}
