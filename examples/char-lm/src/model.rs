//! The model: from characters to the logits of the next one.

use bptt::Tree;
use bptt::prelude::*;
use lm::text::Streams;
use programs::terminal::memory::Bytes;

use crate::args::{CellKind, Settings};

/// A recurrent language model over `V` characters:
///
/// ```text
/// x = E[token]            [T, B, E]   embedding
/// h = layers(x, state)    [T, B, H]   cells above one another, with dropout above each
/// o = h W + b             [T, B, V]   logits of the next character
/// ```
#[derive(Debug, Module)]
#[module(scalar = f32)]
pub(crate) struct CharModel {
    embedding: Embedding<f32>,
    recurrent: Stack<BoxedLayer<f32>>,
    output: Linear<f32>,
    #[module(skip)]
    dropout: Dropout,
}

impl CharModel {
    /// Creates a model with weights drawn from `rng`.
    pub(crate) fn new(settings: &Settings, vocabulary_size: usize, rng: &mut impl Rng) -> Self {
        let &Settings { embedding, hidden, layers, .. } = settings;
        let dropout = Dropout::new(settings.dropout);
        let table = Embedding::new(rng, vocabulary_size, embedding);
        let input_sizes = std::iter::once(embedding).chain(std::iter::repeat(hidden)).take(layers);
        let cell = |input| match settings.cell {
            CellKind::Lstm => BoxedLayer::new(Lstm::new(rng, input, hidden)),
            CellKind::Gru => BoxedLayer::new(Gru::new(rng, input, hidden)),
            CellKind::Elman => BoxedLayer::new(Elman::new(rng, input, hidden)),
        };
        let recurrent = Stack::new(input_sizes.map(cell).collect()).dropout(dropout);
        let output = Linear::new(rng, hidden, vocabulary_size);
        Self { embedding: table, recurrent, output, dropout }
    }

    /// Returns the logits `[T, B, V]` after each of `tokens`, `[T, B]`. With a generator there is dropout, as in
    /// training.
    ///
    /// `carried` is the state before the first step, and is replaced by the state after the last one. It is a constant on
    /// the tape, which truncates back-propagation to one window. On request, the run has costates.
    pub(crate) fn forward<'t>(
        &self,
        tape: &'t Tape<f32>,
        tokens: &[usize],
        batch: usize,
        carried: &mut CarriedState<f32>,
        rng: Option<&mut Xoshiro256PlusPlus>,
        costates: Option<&Costates<f32>>,
    ) -> Var<'t, f32> {
        let xs = self.embedding.forward(tape, tokens, [tokens.len() / batch, batch]);
        let state = carried.state(&self.recurrent, tape, batch);
        let mut recurrence = Recurrence::new(&self.recurrent);
        if let Some(costates) = costates {
            recurrence = recurrence.costates(costates);
        }
        let (hs, state) = match rng {
            Some(rng) => {
                let (hs, state) = recurrence.training(&mut *rng).run(xs, state);
                (self.dropout.apply(rng, hs), state)
            }
            None => recurrence.run(xs, state),
        };
        carried.keep(&state);
        self.output.forward(hs)
    }

    /// Returns the state of sequences that have read nothing.
    pub(crate) fn start(&self, batch: usize) -> CarriedState<f32> {
        CarriedState::from_values(self.recurrent.start(&Tape::inference(), batch).values())
    }

    /// Returns the mean loss of the model on a text in nats, each stream read from its beginning.
    pub(crate) fn score(&self, text: &Streams, window: usize) -> f64 {
        let mut carried = self.start(text.batch());
        let (mut total, mut predicted) = (0.0, 0);
        for window in text.windows(window) {
            let tape = Tape::inference(); // keeps no residuals
            let logits =
                self.forward(&tape, &window.inputs, text.batch(), &mut carried, None, None);
            total += f64::from(loss::cross_entropy(logits, &window.targets).sum().item());
            predicted += window.targets.len();
        }
        total / predicted as f64
    }

    /// Returns a stepper from a state of zeros. Its input is the [embedding](Self::embedding_of) of a token, and its
    /// output the logits `[V]` of the next token.
    pub(crate) fn stepper(&self) -> Stepper<f32> {
        let tape = Tape::inference();
        let size = self.embedding.table.shape()[1];
        let entry = tape.constant(Tensor::zeros([1, 1, size]));
        tape.scan(entry, self.recurrent.start(&tape, 1)).stepper(|x, state| {
            let (h, next) = self.recurrent.advance(x, state);
            (self.output.forward(h), next)
        })
    }

    /// Returns the vector of a token.
    pub(crate) fn embedding_of(&self, token: usize) -> &[f32] {
        let table = self.embedding.table.value();
        &table.as_slice()[token * table.shape()[1]..][..table.shape()[1]]
    }
}

/// Estimates the memory for training a model of `v` characters. The other commands take less.
///
/// A parameter takes five numbers: itself, its gradient, two moments of Adam, and its best value so far. The memory of
/// the reverse pass was measured. For each character, a layer takes the width of all its gates and of four states, the
/// embedding two numbers for each feature, and the logits five for each class.
pub(crate) fn memory_of(settings: &Settings, v: usize) -> Bytes {
    let gates = match settings.cell {
        CellKind::Lstm => 4.0,
        CellKind::Gru => 3.0,
        CellKind::Elman => 1.0,
    };
    let &Settings { embedding, hidden, layers, batch, window, .. } = settings;
    let [v, e, h, layers, batch, window] =
        [v, embedding, hidden, layers, batch, window].map(|size| size as f64); // cannot overflow
    let parameters = v * e + gates * h * (e + h + (layers - 1.0) * 2.0 * h) + h * v;
    let character = 2.0 * e + layers * (gates + 4.0) * h + 5.0 * v;
    Bytes(size_of::<f32>() as f64 * (5.0 * parameters + batch * window * character))
}
