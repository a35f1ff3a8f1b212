//! The model: from characters to the logits of the next one.

use bptt::Tree;
use bptt::prelude::*;
use bptt::weights::{self, Archive, WeightsError};

use crate::batches::Batches;
use crate::score::Nats;
use crate::settings::{CellKind, Settings};

/// A recurrent language model over `V` characters:
///
/// ```text
/// x = E[token]            [T, B, E]   embedding
/// h = layers(x, state)    [T, B, H]   cells above one another, with dropout above each
/// o = h W + b             [T, B, V]   logits of the next character
/// ```
#[derive(Debug, Module)]
#[module(scalar = f32)]
pub struct CharModel {
    embedding: Embedding<f32>,
    recurrent: Stack<BoxedLayer<f32>>,
    output: Linear<f32>,
}

impl CharModel {
    /// Creates a model with weights drawn from `rng`.
    #[must_use]
    pub fn new(settings: &Settings, vocabulary_size: usize, rng: &mut impl Rng) -> Self {
        let &Settings { embedding, hidden, layers, .. } = settings;
        let table = Embedding::new(rng, vocabulary_size, embedding);
        let input_sizes = std::iter::once(embedding).chain(std::iter::repeat(hidden)).take(layers);
        let cell = |input| match settings.cell {
            CellKind::Lstm => BoxedLayer::new(Lstm::new(rng, input, hidden)),
            CellKind::Gru => BoxedLayer::new(Gru::new(rng, input, hidden)),
            CellKind::Elman => BoxedLayer::new(Elman::new(rng, input, hidden)),
        };
        let stack = Stack::new(input_sizes.map(cell).collect());
        Self {
            embedding: table,
            recurrent: stack.dropout(Dropout::new(settings.dropout)),
            output: Linear::new(rng, hidden, vocabulary_size),
        }
    }

    /// Creates the model with these `weights`, as [`Archive::of`] takes them from a model.
    ///
    /// # Errors
    ///
    /// If they are not those of a model with these settings and so many characters.
    pub fn with_weights(
        settings: &Settings,
        vocabulary_size: usize,
        weights: &Archive<f32>,
    ) -> Result<Self, WeightsError> {
        // The check comes before a model is made, since a wrong file may claim any size.
        weights.shaped("embedding.table", &[vocabulary_size, settings.embedding].into())?;
        weights.shaped("output.w", &[settings.hidden, vocabulary_size].into())?;
        for layer in 0..settings.layers {
            let inputs = if layer == 0 { settings.embedding } else { settings.hidden };
            let rows = std::iter::once(inputs).chain(std::iter::repeat(settings.hidden));
            for (&(name, gates), rows) in matrices(settings.cell).iter().zip(rows) {
                let shape = [rows, gates * settings.hidden].into();
                weights.shaped(&format!("recurrent.layers.{layer}.{name}"), &shape)?;
            }
        }
        let model = || Self::new(settings, vocabulary_size, &mut bptt::rng(0));
        weights::build(model, |model| weights.assign_to(model))
    }

    /// Returns the state of layers that have read nothing: tensors `[B, H]`.
    #[must_use]
    pub fn zero_state(&self, batch: usize) -> Vec<Tensor<f32>> {
        self.recurrent.start(&Tape::inference(), batch).values()
    }

    /// Returns the logits `[T, B, V]` after each of `tokens`, `[T, B]`.
    ///
    /// `carried` is the state before the first step, and is replaced by the state after the last one. It is a constant on
    /// the tape, which truncates back-propagation to one window.
    ///
    /// # Panics
    ///
    /// If `carried` is not a state of this model, or a token is not below `V`.
    #[must_use]
    pub fn forward<'t>(
        &self,
        tape: &'t Tape<f32>,
        tokens: &[usize],
        carried: &mut Vec<Tensor<f32>>,
        masks: &mut Masks<'_>,
    ) -> Var<'t, f32> {
        let batch = carried[0].shape()[0];
        let xs = self.embedding.forward(tape, tokens, [tokens.len() / batch, batch]);
        let leaves: Vec<_> = carried.iter().map(|value| tape.constant(value.clone())).collect();
        let states = self.recurrent.start(tape, batch).with_leaves(&leaves);
        let recurrence = Recurrence::new(&self.recurrent);
        let recurrence = match &mut masks.rng {
            Some(rng) => recurrence.training(*rng),
            None => recurrence,
        };
        let (hs, states) = recurrence.run(xs, states);
        *carried = states.values();
        self.output.forward(masks.apply(hs))
    }

    /// Returns a stepper from a state of zeros. Its input is the [embedding](Self::embedding_of) of a token, and its
    /// output the logits `[V]` of the next token.
    #[must_use]
    pub fn stepper(&self) -> Stepper<f32> {
        let tape = Tape::inference();
        let size = self.embedding.table.shape()[1];
        let entry = tape.constant(Tensor::zeros([1, 1, size]));
        tape.scan(entry, self.recurrent.start(&tape, 1)).stepper(|x, state| {
            let (h, next) = self.recurrent.advance(x, state);
            (self.output.forward(h), next)
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
        &table.as_slice()[token * table.shape()[1]..][..table.shape()[1]]
    }

    /// Returns the loss of the model on a text, read from the beginning of every stream.
    #[must_use]
    pub fn score(&self, text: &Batches<'_>) -> Nats {
        let mut carried = self.zero_state(text.batch());
        let mut total = 0.0;
        for window in text.windows() {
            let tape = Tape::inference();
            let logits = self.forward(&tape, &window.inputs, &mut carried, &mut Masks::none());
            total += f64::from(loss::cross_entropy(logits, &window.targets).sum().item());
        }
        Nats(total / (text.tokens().len() - 1) as f64)
    }
}

/// The random masks of dropout.
#[derive(Debug)]
pub struct Masks<'r> {
    dropout: Dropout,
    /// None in evaluation.
    rng: Option<&'r mut Xoshiro256PlusPlus>,
}

impl<'r> Masks<'r> {
    /// Creates masks without dropout, as in evaluation.
    #[must_use]
    pub fn none() -> Self {
        Self { dropout: Dropout::new(0.0), rng: None }
    }

    /// Creates masks of training, drawn from `rng`.
    #[must_use]
    pub fn new(dropout: f64, rng: &'r mut Xoshiro256PlusPlus) -> Self {
        Self { dropout: Dropout::new(dropout), rng: Some(rng) }
    }

    fn apply<'t>(&mut self, x: Var<'t, f32>) -> Var<'t, f32> {
        match &mut self.rng {
            Some(rng) => self.dropout.apply(*rng, x),
            None => x,
        }
    }
}

/// Returns the matrices of one layer, by their names and their widths in states. The first multiplies the input, the
/// others the state.
pub(crate) fn matrices(cell: CellKind) -> &'static [(&'static str, usize)] {
    match cell {
        CellKind::Lstm => &[("w_ih", 4), ("w_hh", 4)],
        CellKind::Gru => &[("w_ih", 3), ("w_hh_rz", 2), ("w_hh_n", 1)],
        CellKind::Elman => &[("w_ih", 1), ("w_hh", 1)],
    }
}
