//! The language model: from tokens to the distribution of the next one.

mod cells;
mod head;
mod noise;
mod settings;

pub use cells::CellChoice;
pub use head::Head;
pub use settings::{HeadKind, InvalidModel, ModelSettings, RegularizationSettings};

use bptt::loss::Loss;
use bptt::prelude::*;
use bptt::weights::{self, Archive, WeightsError};

use noise::Noise;

/// A recurrent language model over a vocabulary of `V` tokens:
///
/// ```text
/// x = E[token]                [T, B, E]   embedding
/// h = layers(x, state)        [T, B, H]   recurrent layers above one another
/// p = head(h)                 [T, B, V]   the distribution of the next token
/// ```
///
/// In training there is dropout of words, of the inputs of each layer, of states and weights, and of the highest
/// outputs; see [`RegularizationSettings`].
#[derive(Debug, Module)]
#[module(scalar = f32)]
pub struct LanguageModel {
    embedding: Embedding<f32>,
    layers: Vec<BoxedLayer<f32>>,
    head: Head,
    #[module(skip)]
    noise: Noise,
}

/// The outputs of the highest layer for a window of text.
#[derive(Clone, Copy, Debug)]
pub struct Outputs<'t> {
    /// As the layer computes them, `[T, B, H]`.
    pub raw: Var<'t, f32>,
    /// After dropout, as the head reads them. In evaluation they equal `raw`.
    pub dropped: Var<'t, f32>,
}

impl<'t> Outputs<'t> {
    /// Returns what is added to the loss, `[]`: `α·mean(dropped²) + β·mean((raw_t − raw_{t−1})²)` (Merity et al. 2017),
    /// if a factor is not 0.
    #[must_use]
    pub fn penalty(&self, settings: &RegularizationSettings) -> Option<Var<'t, f32>> {
        let RegularizationSettings { activation_penalty, temporal_penalty, .. } = *settings;
        let steps = self.raw.shape()[0];
        let activation = (activation_penalty > 0.0)
            .then(|| self.dropped.square().mean_all() * activation_penalty);
        let temporal = (temporal_penalty > 0.0 && steps > 1).then(|| {
            let change = self.raw.slice(0, 1..steps) - self.raw.slice(0, 0..steps - 1);
            change.square().mean_all() * temporal_penalty
        });
        activation.into_iter().chain(temporal).reduce(|sum, term| sum + term)
    }
}

/// Why weights do not make a model.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The settings contradict each other.
    #[error(transparent)]
    Settings(#[from] InvalidModel),
    /// The weights are those of another model.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The weights are those of no trained model.
    #[error(transparent)]
    NotFinite(#[from] NotFinite),
}

/// Weights with a NaN or an infinity, which training never saves.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the weights `{tensor}` are not finite: the file is damaged; train anew")]
pub struct NotFinite {
    /// The name of the tensor.
    pub tensor: String,
}

impl NotFinite {
    /// Checks the weights of a model. A model with others would have no distribution to draw from.
    ///
    /// # Errors
    ///
    /// A tensor has a NaN or an infinity.
    pub fn check(weights: &Archive<f32>) -> Result<(), Self> {
        let is_finite = |name: &str| weights.tensor(name).is_ok_and(Tensor::is_finite);
        match weights.names().find(|name| !is_finite(name)) {
            Some(name) => Err(Self { tensor: name.to_owned() }),
            None => Ok(()),
        }
    }
}

impl LanguageModel {
    /// Creates a model with weights drawn from `rng`.
    ///
    /// # Errors
    ///
    /// If a setting does not suit the cell or the vocabulary.
    pub fn new(
        settings: &ModelSettings,
        regularization: &RegularizationSettings,
        vocabulary_size: usize,
        rng: &mut impl Rng,
    ) -> Result<Self, InvalidModel> {
        settings.check(vocabulary_size)?;
        let mut embedding = Embedding::new(rng, vocabulary_size, settings.embedding_size);
        if settings.tied {
            let narrow = Init::Uniform { low: -0.1, high: 0.1 };
            embedding.table.set(narrow.tensor(rng, embedding.table.shape().clone()));
        }
        let sizes = settings.layer_sizes().into_iter();
        let layers = sizes.map(|sizes| cells::layer(settings, regularization, rng, sizes));
        Ok(Self {
            embedding,
            layers: layers.collect::<Result<_, _>>()?,
            head: Head::new(settings, vocabulary_size, rng),
            noise: Noise::new(regularization),
        })
    }

    /// Creates the model with these `weights`, as [`Archive::of`] takes them from a model.
    ///
    /// # Errors
    ///
    /// If they are not those of a model with these settings and so many tokens.
    pub fn with_weights(
        settings: &ModelSettings,
        regularization: &RegularizationSettings,
        vocabulary_size: usize,
        weights: &Archive<f32>,
    ) -> Result<Self, ModelError> {
        // The check comes before a model is made, since a wrong file may claim any size.
        weights.shaped("embedding.table", &[vocabulary_size, settings.embedding_size].into())?;
        settings.expect_plausible(weights)?;
        NotFinite::check(weights)?;
        let model = || Self::new(settings, regularization, vocabulary_size, &mut bptt::rng(0));
        weights::build(model, |model| match model {
            Ok(model) => weights.assign_to(model),
            Err(_) => Ok(()),
        })?
        .map_err(ModelError::from)
    }

    /// Returns the number of tokens, `V`.
    #[must_use]
    pub fn vocabulary_size(&self) -> usize {
        self.embedding.table.shape()[0]
    }

    /// Returns the state of sequences that have read nothing.
    #[must_use]
    pub fn start(&self) -> Carried {
        Carried(vec![CarriedState::new(); self.layers.len()])
    }

    /// Returns the outputs `[T, B, H]` for `tokens`, time-major `[T, B]`, without noise.
    ///
    /// `carried` is the state before the first step, and is replaced by the state after the last one. It is a constant
    /// on the tape, which truncates back-propagation to one window.
    ///
    /// # Panics
    ///
    /// If `carried` is the state of another batch, or a token is not below `V`.
    #[must_use]
    pub fn evaluate<'t>(
        &self,
        tape: &'t Tape<f32>,
        tokens: &[usize],
        batch: usize,
        carried: &mut Carried,
    ) -> Var<'t, f32> {
        *self.activations(tape, tokens, batch, carried).last().expect("there is the embedding")
    }

    /// Returns the embedded `tokens`, `[T, B, E]`, and the outputs of each layer above them, the lowest first. The last
    /// are those that [`evaluate`](Self::evaluate) returns. [Probes](bptt::Probes) of a layer have its number before their
    /// names, from 0: `0.c`.
    ///
    /// # Panics
    ///
    /// As [`evaluate`](Self::evaluate).
    #[must_use]
    pub fn activations<'t>(
        &self,
        tape: &'t Tape<f32>,
        tokens: &[usize],
        batch: usize,
        carried: &mut Carried,
    ) -> Vec<Var<'t, f32>> {
        let mut xs = self.embedding.forward(tape, tokens, [tokens.len() / batch, batch]);
        let mut activations = vec![xs];
        for (number, (layer, carried)) in self.layers.iter().zip(&mut carried.0).enumerate() {
            let _scope = tape.scope(number);
            xs = carried.run(layer, xs);
            activations.push(xs);
        }
        activations
    }

    /// Returns the outputs for `tokens` as [`evaluate`](Self::evaluate) does, with the noise of training.
    ///
    /// # Panics
    ///
    /// As [`evaluate`](Self::evaluate).
    #[must_use]
    pub fn train<'t>(
        &self,
        tape: &'t Tape<f32>,
        tokens: &[usize],
        batch: usize,
        carried: &mut Carried,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Outputs<'t> {
        let Noise { words, input, between, output } = self.noise;
        let shape = [tokens.len() / batch, batch];
        let xs = self.embedding.in_training(rng, tape, tokens, shape, &words);
        let mut xs = input.apply(rng, xs);
        for (position, (layer, carried)) in self.layers.iter().zip(&mut carried.0).enumerate() {
            if position > 0 {
                xs = between.apply(rng, xs);
            }
            let state = carried.state(layer, tape, batch);
            let (ys, state) = Recurrence::new(layer).training(rng).run(xs, state);
            carried.keep(&state);
            xs = ys;
        }
        Outputs { raw: xs, dropped: output.apply(rng, xs) }
    }

    /// Returns the negative log-likelihood of `targets` given outputs `[.., H]`, one for each place.
    pub fn loss<'t>(&self, hs: Var<'t, f32>, targets: &[usize]) -> Loss<'t, f32> {
        self.head.loss(&self.embedding, hs, targets)
    }

    /// Returns logits `[.., V]` of the next token given outputs `[.., H]`.
    #[must_use]
    pub fn logits<'t>(&self, hs: Var<'t, f32>) -> Var<'t, f32> {
        self.head.logits(&self.embedding, hs)
    }

    /// Returns a stepper of `batch` sequences from the initial state. Its input is the [embedding](Self::embedding_of)
    /// of one token for each sequence, and its output the logits `[B, V]` of the next.
    #[must_use]
    pub fn stepper(&self, batch: usize) -> Stepper<f32> {
        let tape = Tape::inference();
        let entry = tape.constant(Tensor::zeros([1, batch, self.embedding.table.shape()[1]]));
        let start: Vec<_> = self.layers.iter().map(|layer| layer.start(&tape, batch)).collect();
        tape.scan(entry, start).stepper(|x, states| {
            let (mut x, mut next) = (x, Vec::with_capacity(states.len()));
            for (layer, state) in self.layers.iter().zip(states) {
                let (y, state) = layer.advance(x, state);
                x = y;
                next.push(state);
            }
            (self.logits(x), next)
        })
    }

    /// Returns the vector of a token.
    ///
    /// # Panics
    ///
    /// If the token is not below `V`.
    #[must_use]
    pub fn embedding_of(&self, token: usize) -> &[f32] {
        let table = self.embedding.table.value();
        let size = table.shape()[1];
        &table.as_slice()[token * size..][..size]
    }
}

/// The state of all layers, carried from one window of text to the next.
#[derive(Clone, Debug)]
pub struct Carried(Vec<CarriedState<f32>>);

impl Carried {
    /// Returns the values as an archive, empty at the start of the text.
    #[must_use]
    pub fn archive(&self) -> Archive<f32> {
        let mut archive = Archive::new();
        for (layer, carried) in self.0.iter().enumerate() {
            for (variable, value) in carried.values().unwrap_or_default().iter().enumerate() {
                archive.insert(format!("{layer}.{variable}"), value.clone());
            }
        }
        archive
    }

    /// Returns the state in an archive that [`archive`](Self::archive) returned, for so many sequences.
    ///
    /// # Errors
    ///
    /// If it is the state of another model or batch.
    pub fn restore(
        model: &LanguageModel,
        batch: usize,
        archive: &Archive<f32>,
    ) -> Result<Self, WeightsError> {
        if archive.names().next().is_none() {
            return Ok(model.start());
        }
        let tape = Tape::inference();
        let mut known = Vec::new();
        let mut layers = Vec::new();
        for (layer, start) in model.layers.iter().map(|it| it.start(&tape, batch)).enumerate() {
            let mut values = Vec::new();
            for (variable, leaf) in start.iter().enumerate() {
                let name = format!("{layer}.{variable}");
                values.push(archive.shaped(&name, &leaf.shape())?.clone());
                known.push(name);
            }
            layers.push(CarriedState::from_values(values));
        }
        archive.expect_tensors(|name| known.iter().any(|known| known == name))?;
        Ok(Self(layers))
    }
}

#[cfg(test)]
mod tests;
