//! `textgenrnn`: the next character of a text, by two LSTMs and an average over the steps that attention weights.

use std::collections::HashMap;

use bptt::prelude::*;
use bptt::weights::keras::{self, Keras};
use bptt::weights::{self, Archive, Layout, WeightsError};

use super::{Names, Prediction, Published, largest};

/// The characters that it reads to predict one. Before a shorter text comes padding.
const WINDOW: usize = 40;
/// The padding, and the known characters. One that is not known is read as padding.
const SYMBOLS: usize = 465;
const PADDING: usize = 0;
/// What begins a text.
const START: &str = "<s>";
const EMBEDDING: usize = 100;
const HIDDEN: usize = 128;
/// What attention reads of a step: the embedding, and the outputs of both LSTMs.
const FEATURES: usize = EMBEDDING + 2 * HIDDEN;
/// Keras's number against divisions by zero.
const EPSILON: f64 = 1e-7;
/// The characters that are written after a text.
const CHARACTERS: usize = 12;

/// The layers.
#[derive(Debug, Module)]
pub(crate) struct Network<T> {
    embedding: Embedding<T>,
    first: Lstm<T>,
    second: Lstm<T>,
    /// The weight of the scores, `[F, 1]`.
    attention: Param<T>,
    output: Linear<T>,
}

/// The LSTMs as one cell, whose output is what attention reads.
struct Reader<'n, T>(&'n Network<T>);

impl<T: Scalar> Network<T> {
    /// The layers, with random weights.
    pub(crate) fn new(rng: &mut impl Rng) -> Self {
        Self {
            embedding: Embedding::new(rng, SYMBOLS, EMBEDDING),
            first: Lstm::new(rng, EMBEDDING, HIDDEN),
            second: Lstm::new(rng, HIDDEN, HIDDEN),
            attention: Param::new(Init::Xavier.tensor(rng, [FEATURES, 1])),
            output: Linear::new(rng, FEATURES, SYMBOLS),
        }
    }

    /// The probabilities of the next character `[B, C]`, from the features of a window `[B, T, F]`.
    fn probabilities<'t>(&self, window: Var<'t, T>) -> Var<'t, T> {
        let scores = window.matmul(&self.attention);
        let weights = (scores - scores.max_keep(&[1])).exp();
        let weights = weights / (weights.sum_keep(&[1]) + EPSILON);
        self.output.forward((window * weights).sum(&[1])).softmax(-1)
    }
}

impl<T: Scalar> Cell<T> for Reader<'_, T> {
    type State<'t> = [(Var<'t, T>, Var<'t, T>); 2];

    fn step<'t>(
        &self,
        x: Var<'t, T>,
        [first, second]: Self::State<'t>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let (lower, first) = self.0.first.step(x, first);
        let (upper, second) = self.0.second.step(lower, second);
        (Var::concat(&[x, lower, upper], -1), [first, second])
    }
}

impl<T: Scalar> StateSizes for Reader<'_, T> {
    fn state_sizes(&self) -> Vec<usize> {
        [self.0.first.state_sizes(), self.0.second.state_sizes()].concat()
    }
}

impl<T: Scalar> Keras<T> for Network<T> {
    fn in_keras(&self) -> Layout<'_, T> {
        Layout::new()
            .group("embedding", self.embedding.in_keras())
            .group("lstm_1", self.first.in_keras())
            .group("lstm_2", self.second.in_keras())
            .group("attention", Layout::new().tensor("attention_W", [&self.attention]))
            .group("output", self.output.in_keras())
    }
}

/// The model, prepared to continue one text after another.
#[derive(Debug)]
pub(crate) struct TextGenRnn {
    embedding: Tensor<f32>,
    reader: Stepper<f32>,
    /// The features of the window.
    window: Vec<f32>,
    readout: Stepper<f32>,
    names: Vec<String>,
    symbols: HashMap<String, usize>,
}

impl TextGenRnn {
    fn symbol(&self, name: &str) -> usize {
        self.symbols.get(name).copied().unwrap_or(PADDING)
    }

    /// The probabilities of the character after the last ones of a text. The window moves with each character, so
    /// that the LSTMs read all of it again, as in the original.
    fn next(&mut self, symbols: &[usize]) -> &[f32] {
        let read = &symbols[symbols.len().saturating_sub(WINDOW)..];
        let padded = std::iter::repeat_n(&PADDING, WINDOW - read.len()).chain(read);
        self.reader.reset(&[0]);
        for (&symbol, features) in padded.zip(self.window.chunks_mut(FEATURES)) {
            let row = symbol * EMBEDDING..(symbol + 1) * EMBEDDING;
            self.reader.step(&[&self.embedding.as_slice()[row]]);
            features.copy_from_slice(self.reader.output(0));
        }
        self.readout.step(&[&self.window]);
        self.readout.output(0)
    }
}

impl Published for TextGenRnn {
    /// A text to continue.
    type Input = String;

    fn load(archive: &Archive<f32>) -> Result<Self, WeightsError> {
        let mut rng = bptt::rng(0);
        let network =
            weights::build(|| Network::new(&mut rng), |network| keras::load(network, archive))?;
        let Names(names) = Names::read(archive, "vocabulary", SYMBOLS)?;
        let tape = Tape::inference();
        let entry = tape.constant(Tensor::zeros([1, 1, WINDOW, FEATURES]));
        Ok(Self {
            embedding: network.embedding.table.value().clone(),
            reader: stepper(&Reader(&network), [1, EMBEDDING]).memoize(SYMBOLS),
            window: vec![0.0; WINDOW * FEATURES],
            readout: tape.scan(entry, ()).stepper(|window, ()| (network.probabilities(window), ())),
            symbols: (0..).zip(&names).map(|(symbol, name)| (name.clone(), symbol)).collect(),
            names,
        })
    }

    /// Decides on the characters after the text, the most probable one each time.
    fn predict(&mut self, text: &String) -> Prediction {
        let characters =
            text.chars().map(|character| self.symbol(character.encode_utf8(&mut [0; 4])));
        let mut symbols: Vec<usize> = [self.symbol(START)].into_iter().chain(characters).collect();
        let mut prediction = Prediction { decisions: Vec::new(), numbers: Vec::new() };
        for _ in 0..CHARACTERS {
            let probabilities = self.next(&symbols);
            let symbol = largest(probabilities);
            prediction.numbers.extend(probabilities);
            prediction.decisions.push(self.names[symbol].clone());
            symbols.push(symbol);
        }
        prediction
    }
}

#[cfg(test)]
mod tests {
    use bptt::prelude::*;
    use bptt::weights::keras;
    use serde_json::json;

    use super::{CHARACTERS, Network, Reader, SYMBOLS, TextGenRnn, WINDOW, largest};
    use crate::models::Published;
    use crate::tests::assert_near;

    #[test]
    fn continues_as_runs_over_the_windows() {
        let network = Network::new(&mut bptt::rng(0));
        let mut archive = keras::archive(&network);
        let name = |symbol: usize| match symbol {
            0 => String::new(),
            1 => "<s>".to_owned(),
            _ => char::from_u32(symbol as u32).map_or_else(String::new, String::from),
        };
        archive.set_text("vocabulary", json!((0..SYMBOLS).map(name).collect::<Vec<_>>()));
        let mut model = TextGenRnn::load(&archive).unwrap();
        let text = "abc".repeat(10) + "\u{2603}"; // a snowman, which is not known
        let found = model.predict(&text);
        let known = |c: char| if c.is_ascii() { c as usize } else { 0 };
        let mut symbols: Vec<usize> = [1].into_iter().chain(text.chars().map(known)).collect();
        for step in 0..CHARACTERS {
            let mut window = vec![0; WINDOW.saturating_sub(symbols.len())];
            window.extend(&symbols[symbols.len().saturating_sub(WINDOW)..]);
            let tape = Tape::inference();
            let xs = network.embedding.forward(&tape, &window, [WINDOW, 1]);
            let (features, _state) = Reader(&network).forward(xs);
            let expected = network.probabilities(features.transpose(0, 1)).value();
            let numbers = &found.numbers[step * SYMBOLS..(step + 1) * SYMBOLS];
            assert_near(numbers, &expected, 1e-5);
            symbols.push(largest(numbers));
        }
    }
}
