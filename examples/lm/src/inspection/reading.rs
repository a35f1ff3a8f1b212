//! One pass of a model over a text.

use bptt::{Probes, Tape, Var};

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
    /// The outputs of each layer after each token, or another value of its cell. The lowest layer comes first.
    pub layers: Vec<Activations>,
}

/// The cells of a model have no value of this name.
#[derive(Debug, thiserror::Error)]
#[error("the cells of this model have no value `{value}`: they have {}", known.join(", "))]
pub struct UnknownValue {
    value: String,
    /// The values of the lowest layer.
    known: Vec<String>,
}

/// The outputs of a layer after each of `N` tokens, or another value of its cell.
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
    read_value(model, tokens, [skip, length], None).expect("layers have outputs")
}

/// Reads a text as [`read`] does. In place of outputs, the reading has the value of this name of each layer's cell, such
/// as `c` of an LSTM.
///
/// # Errors
///
/// If the cells have no value of the name.
pub fn read_value(
    model: &LanguageModel,
    tokens: &Tokens,
    [skip, length]: [usize; 2],
    value: Option<&str>,
) -> Result<Reading, UnknownValue> {
    let end = tokens.len().min(skip.saturating_add(length));
    let skip = skip.min(end);
    let mut surprisals = vec![None; end];
    let mut layers = Vec::new();
    let mut carried = model.start();
    for start in (0..end).step_by(WINDOW) {
        let stop = end.min(start + WINDOW);
        let tape = Tape::inference();
        let inputs: Vec<_> = tokens.iter(start..stop).map(|it| it as usize).collect();
        let probes = value.map(|_| tape.probes());
        let outputs = model.activations(&tape, &inputs, 1, &mut carried);
        let shown = match (&probes, value) {
            (Some(probes), Some(value)) => values_of(probes, value, outputs.len() - 1)?,
            _ => outputs[1..].to_vec(),
        };
        layers.resize_with(shown.len(), Vec::new);
        let new = skip.clamp(start, stop) - start; // the first step that is kept
        for (kept, ys) in layers.iter_mut().zip(&shown) {
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
    Ok(Reading {
        tokens: tokens.iter(skip..end).collect(),
        surprisals: surprisals.split_off(skip),
        layers: layers.collect(),
    })
}

/// Returns the value of this name of each layer, `[T, B, F]`.
fn values_of<'t>(
    probes: &Probes<'t, f32>,
    value: &str,
    layers: usize,
) -> Result<Vec<Var<'t, f32>>, UnknownValue> {
    let names = probes.names();
    let of_layer = |layer: usize| {
        let name = format!("{layer}.{value}");
        names.contains(&name).then(|| probes.get(&name))
    };
    (0..layers).map(of_layer).collect::<Option<_>>().ok_or_else(|| UnknownValue {
        value: value.to_owned(),
        known: names.iter().filter_map(|it| it.strip_prefix("0.")).map(str::to_owned).collect(),
    })
}
