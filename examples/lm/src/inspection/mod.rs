//! The inspection of a trained model: which unit fires where, and how far back the model looks.
//!
//! | question | answer |
//! |---|---|
//! | which tokens surprise the model? | the surprisal of each token of a [`Reading`] |
//! | which unit fires where? | the outputs of each layer in a [`Reading`], or a state or gate of its cell, and their [correlations](Unit) with [properties](PROPERTIES) of the text |
//! | how far back does the model learn? | the [gradient by lag](GradientByLag) |
//! | how much context helps? | the [loss by context length](loss_by_context) |
//!
//! An [`Inspection`] has all of them, as JSON and as a page.

mod lags;
mod page;
mod properties;
mod reading;
mod units;

pub use lags::{Context, GradientByLag, Places, gradient_by_lag, loss_by_context};
pub use properties::{PROPERTIES, properties};
pub use reading::{Activations, Reading, UnknownValue, read, read_value};
pub use units::{Unit, Units, units};

use std::collections::BTreeSet;

use serde::Serialize;

use crate::text::Vocabulary;

/// The answers for one model and one text.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// The model in a few words.
    pub model: String,
    /// The text that was read, in a few words.
    pub text: String,
    /// The text that each token completes.
    pub tokens: Vec<String>,
    /// `-ln P` of each token given those before, in nats. The first token of a text has none.
    pub surprisals: Vec<Option<f64>>,
    /// The properties with which units are compared.
    pub properties: [&'static str; PROPERTIES.len()],
    /// All units of all layers, and the correlation that chance gives.
    #[serde(flatten)]
    pub units: Units,
    /// The outputs of the most related units.
    pub shown: Vec<Shown>,
    /// How far back the model learns, if the text is long enough.
    pub gradient_by_lag: Option<GradientByLag>,
    /// How much context helps, if the text is long enough.
    pub loss_by_context: Vec<Context>,
}

/// The outputs of one unit.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    /// The number of the layer, 0 for the lowest.
    pub layer: usize,
    /// The number of the unit in its layer.
    pub unit: usize,
    /// The output after each token.
    pub activations: Vec<f32>,
}

impl Inspection {
    /// Returns the inspection of a reading. For each property, the outputs of the `top` most related units are kept,
    /// and those of the `top` units that vary most.
    #[must_use]
    pub fn new(
        [model, text]: [String; 2],
        vocabulary: &Vocabulary,
        reading: &Reading,
        top: usize,
        seed: u64,
    ) -> Self {
        let mut decoder = vocabulary.decoder();
        let tokens: Vec<_> = reading.tokens.iter().map(|&token| decoder.push(token)).collect();
        let properties = properties(&tokens);
        let units = units(&reading.layers, &properties, seed);
        let related = (0..PROPERTIES.len()).map(|property| units.most_related(property, top));
        let shown: BTreeSet<_> =
            related.flatten().chain(units.most_varied(top)).map(|it| (it.layer, it.unit)).collect();
        let shown = shown.into_iter().map(|(layer, unit)| {
            let activations = reading.layers[layer].of_unit(unit).collect();
            Shown { layer, unit, activations }
        });
        Self {
            model,
            text,
            tokens,
            surprisals: reading.surprisals.clone(),
            properties: PROPERTIES,
            shown: shown.collect(),
            units,
            gradient_by_lag: None,
            loss_by_context: Vec::new(),
        }
    }

    /// Adds the gradient by lag and the loss by context length.
    #[must_use]
    pub fn with_lags(self, gradient: Option<GradientByLag>, contexts: Vec<Context>) -> Self {
        Self { gradient_by_lag: gradient, loss_by_context: contexts, ..self }
    }

    /// Returns the mean surprisal in nats, of all tokens that have one.
    #[must_use]
    pub fn nats(&self) -> f64 {
        let known: Vec<_> = self.surprisals.iter().flatten().collect();
        known.iter().copied().sum::<f64>() / known.len() as f64
    }

    /// Returns all numbers as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers")
    }

    /// Returns a page that needs no other file.
    #[must_use]
    pub fn to_html(&self) -> String {
        let lags = self.gradient_by_lag.as_ref().map(|it| it.picture().svg());
        page::page(&self.to_json(), &lags.unwrap_or_default())
    }
}
