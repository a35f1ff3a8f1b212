//! `nokcut`: after which symbols of a Thai sentence a word ends, by two layers of GRUs in both directions.

use bptt::prelude::*;
use bptt::weights::pytorch::{self, PyTorch};
use bptt::weights::{self, Archive, Layout, WeightsError};
use serde::Deserialize;

use super::{Prediction, Published};

/// Clusters of characters that are written together.
const SYMBOLS: usize = 3195;
const EMBEDDING: usize = 300;
const HIDDEN: usize = 128;

/// A sentence as the numbers of its symbols.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Vec<usize>")]
pub(crate) struct Sentence(Vec<usize>);

impl TryFrom<Vec<usize>> for Sentence {
    type Error = String;

    fn try_from(symbols: Vec<usize>) -> Result<Self, String> {
        match symbols.iter().find(|&&symbol| symbol >= SYMBOLS) {
            Some(symbol) => {
                Err(format!("{symbol} is not one of {SYMBOLS} symbols, which count from 0"))
            }
            None if symbols.is_empty() => Err("a sentence has no symbol".to_owned()),
            None => Ok(Self(symbols)),
        }
    }
}

/// The layers: log-probabilities of a break and of none after each symbol.
#[derive(Debug, Module)]
pub(crate) struct Network<T> {
    embedding: Embedding<T>,
    gru: Stack<Bidirectional<Gru<T>>>,
    output: Linear<T>,
}

impl<T: Scalar> Network<T> {
    /// The layers, with random weights.
    pub(crate) fn new(rng: &mut impl Rng) -> Self {
        let mut layer = |inputs| {
            Bidirectional::new(Gru::new(rng, inputs, HIDDEN), Gru::new(rng, inputs, HIDDEN))
        };
        let gru = Stack::new(vec![layer(EMBEDDING), layer(2 * HIDDEN)]);
        Self {
            embedding: Embedding::new(rng, SYMBOLS, EMBEDDING),
            gru,
            output: Linear::new(rng, 2 * HIDDEN, 2),
        }
    }

    fn log_probabilities<'t>(&self, hs: Var<'t, T>) -> Var<'t, T> {
        self.output.forward(hs.tanh()).log_softmax(-1)
    }
}

impl<T: Scalar> PyTorch<T> for Network<T> {
    fn in_pytorch(&self) -> Layout<'_, T> {
        Layout::new()
            .group("embedding", self.embedding.in_pytorch())
            .group("gru", self.gru.in_pytorch())
            .group("output", self.output.in_pytorch())
    }
}

/// The model, prepared to read one sentence after another.
#[derive(Debug)]
pub(crate) struct Nokcut {
    embedding: Tensor<f32>,
    /// Each layer in both directions.
    layers: [[Stepper<f32>; 2]; 2],
    readout: Stepper<f32>,
}

/// The outputs of a layer `[T, 2H]` for inputs `[T, I]`.
fn read(layer: &mut [Stepper<f32>; 2], xs: &[f32], steps: usize) -> Vec<f32> {
    let size = xs.len() / steps;
    let mut outputs = vec![0.0; steps * 2 * HIDDEN];
    for (direction, stepper) in layer.iter_mut().enumerate() {
        stepper.reset(&[0]);
        for step in 0..steps {
            let place = if direction == 0 { step } else { steps - 1 - step };
            stepper.step(&[&xs[place * size..(place + 1) * size]]);
            let start = (2 * place + direction) * HIDDEN;
            outputs[start..start + HIDDEN].copy_from_slice(stepper.output(0));
        }
    }
    outputs
}

impl Published for Nokcut {
    type Input = Sentence;

    fn load(archive: &Archive<f32>) -> Result<Self, WeightsError> {
        let mut rng = bptt::rng(0);
        let network =
            weights::build(|| Network::new(&mut rng), |model| pytorch::load(model, archive))?;
        let prepared = |position: usize, inputs: usize| {
            let layer = &network.gru.layers()[position];
            [&layer.forward, &layer.backward].map(|cell| stepper(cell, [1, inputs]))
        };
        let tape = Tape::inference();
        let hs = tape.constant(Tensor::zeros([1, 1, 2 * HIDDEN]));
        let first = prepared(0, EMBEDDING).map(|direction| direction.memoize(SYMBOLS));
        Ok(Self {
            embedding: network.embedding.table.value().clone(),
            layers: [first, prepared(1, 2 * HIDDEN)],
            readout: tape.scan(hs, ()).stepper(|h, ()| (network.log_probabilities(h), ())),
        })
    }

    fn predict(&mut self, Sentence(symbols): &Sentence) -> Prediction {
        let xs = self.embedding.gather_rows(symbols);
        let [first, second] = &mut self.layers;
        let hs = read(first, xs.as_slice(), symbols.len());
        let hs = read(second, &hs, symbols.len());
        let mut numbers = Vec::with_capacity(2 * symbols.len());
        for h in hs.chunks(2 * HIDDEN) {
            self.readout.step(&[h]);
            numbers.extend(self.readout.output(0));
        }
        let name = |row: &[f32]| if row[0] > row[1] { "break" } else { "none" }.to_owned();
        Prediction { decisions: numbers.chunks(2).map(name).collect(), numbers }
    }
}

#[cfg(test)]
mod tests {
    use bptt::weights::pytorch;
    use bptt::{Layer, Tape};

    use super::{Network, Nokcut, Sentence};
    use crate::models::Published;
    use crate::tests::assert_near;

    #[test]
    fn reads_as_a_run_over_the_sentence() {
        let network = Network::new(&mut bptt::rng(0));
        let mut model = Nokcut::load(&pytorch::archive(&network)).unwrap();
        for symbols in [vec![5, 3194, 0, 17, 5], vec![1]] {
            let tape = Tape::inference();
            let xs = network.embedding.forward(&tape, &symbols, [symbols.len(), 1]);
            let (hs, _state) = network.gru.forward(xs);
            let expected = network.log_probabilities(hs);
            let found = model.predict(&Sentence(symbols));
            assert_near(&found.numbers, &expected.value(), 1e-5);
        }
    }

    #[test]
    fn a_sentence_has_symbols_of_the_vocabulary() {
        let read = |text| serde_json::from_str::<Sentence>(text).map_err(|error| error.to_string());
        assert!(read("[3194]").is_ok());
        assert!(read("[0, 3195]").unwrap_err().contains("3195 is not one of 3195 symbols"));
        assert!(read("[]").unwrap_err().contains("no symbol"));
    }
}
