//! `g2p_en`: the phonemes of an English word, by an encoder and a decoder of GRUs.

use bptt::prelude::*;
use bptt::weights::{self, Archive, WeightsError, pytorch};

use super::{Names, Prediction, Published, largest};

/// `<pad>`, `<unk>`, `</s>`, and the letters from `a` to `z`.
const GRAPHEMES: usize = 29;
const UNKNOWN: usize = 1;
const END_OF_WORD: usize = 2;
const FIRST_LETTER: usize = 3;
/// `<pad>`, `<unk>`, `<s>`, `</s>`, and 70 phonemes.
const PHONEMES: usize = 74;
const START: usize = 2;
const END: usize = 3;
/// The longest answer.
const MAX_PHONEMES: usize = 20;
const EMBEDDING: usize = 256;
const HIDDEN: usize = 256;

/// The layers, which load by their names here.
pub(crate) type Network = EncoderDecoder<f32, Gru<f32>, Gru<f32>>;

/// The model, prepared to read one word after another.
#[derive(Debug)]
pub(crate) struct G2pEn {
    graphemes: Tensor<f32>,
    phonemes: Tensor<f32>,
    encoder: Stepper<f32>,
    /// The decoder with its logits.
    decoder: Stepper<f32>,
    /// The names of the phonemes.
    names: Names,
}

impl G2pEn {
    /// The layers, with random weights.
    pub(crate) fn network(rng: &mut impl Rng) -> Network {
        EncoderDecoder {
            source: Embedding::new(rng, GRAPHEMES, EMBEDDING),
            encoder: Gru::new(rng, EMBEDDING, HIDDEN),
            target: Embedding::new(rng, PHONEMES, EMBEDDING),
            decoder: Gru::new(rng, EMBEDDING, HIDDEN),
            attention: None,
            output: Linear::new(rng, HIDDEN, PHONEMES),
            start: START,
            end: END,
        }
    }

    /// The symbols of a word, and of its end.
    pub(crate) fn symbols(word: &str) -> impl Iterator<Item = usize> {
        let symbol = |letter| match letter {
            'a'..='z' => FIRST_LETTER + (letter as usize - 'a' as usize),
            _ => UNKNOWN,
        };
        word.chars().map(symbol).chain([END_OF_WORD])
    }

    fn encode(&mut self, word: &str) {
        self.encoder.reset(&[0]);
        for symbol in Self::symbols(word) {
            self.encoder.step(&[row(&self.graphemes, symbol)]);
        }
    }

    /// Decodes greedily from the encoder's state. The end has logits, but is no phoneme.
    fn decode(&mut self) -> Prediction {
        self.decoder.state_mut(0).copy_from_slice(self.encoder.state(0));
        let mut prediction = Prediction { decisions: Vec::new(), numbers: Vec::new() };
        let mut last = START;
        for _ in 0..MAX_PHONEMES {
            self.decoder.step(&[row(&self.phonemes, last)]);
            let logits = self.decoder.output(0);
            prediction.numbers.extend(logits);
            last = largest(logits);
            if last == END {
                break;
            }
            prediction.decisions.push(self.names.0[last].clone());
        }
        prediction
    }
}

impl Published for G2pEn {
    type Input = String;

    fn load(archive: &Archive<f32>) -> Result<Self, WeightsError> {
        let mut rng = bptt::rng(0);
        let network = weights::build(|| Self::network(&mut rng), |it| pytorch::load(it, archive))?;
        let Network { source, encoder, target, decoder, output, .. } = &network;
        Ok(Self {
            graphemes: source.table.value().clone(),
            phonemes: target.table.value().clone(),
            encoder: stepper(encoder, [1, EMBEDDING]).memoize(GRAPHEMES),
            decoder: stepper(&(decoder, output), [1, EMBEDDING]).memoize(PHONEMES),
            names: Names::read(archive, "phonemes", PHONEMES)?,
        })
    }

    fn predict(&mut self, word: &String) -> Prediction {
        self.encode(word);
        self.decode()
    }
}

fn row(table: &Tensor<f32>, symbol: usize) -> &[f32] {
    let size = table.shape()[1];
    &table.as_slice()[symbol * size..(symbol + 1) * size]
}

#[cfg(test)]
mod tests {
    use bptt::Tape;
    use bptt::weights::pytorch;

    use super::{END, G2pEn, MAX_PHONEMES, PHONEMES};
    use crate::models::Published;
    use crate::tests::assert_near;

    #[test]
    fn decodes_as_the_library() {
        let network = G2pEn::network(&mut bptt::rng(7));
        let mut archive = pytorch::archive(&network);
        let names: Vec<String> = (0..PHONEMES).map(|symbol| symbol.to_string()).collect();
        archive.set_text("phonemes", serde_json::to_string(&names).unwrap());
        let mut model = G2pEn::load(&archive).unwrap();
        for word in ["perceptron", "o'clock", "a", ""] {
            let found = model.predict(&word.to_owned());
            let source: Vec<usize> = G2pEn::symbols(word).collect();
            let symbols = network.greedy(&source, MAX_PHONEMES).symbols;
            let phonemes = symbols.iter().filter(|&&symbol| symbol != END);
            assert!(found.decisions.iter().eq(&phonemes.map(usize::to_string).collect::<Vec<_>>()));
            let tape = Tape::inference();
            let encoded = network.encode(&tape, &source, [source.len(), 1], None);
            assert_near(&found.numbers, &network.teacher_forced(&encoded, &symbols).value(), 1e-5);
        }
    }
}
