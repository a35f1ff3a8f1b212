//! `chars2vec`: a vector for a word as it is spelt, by two LSTMs over its characters.

use bptt::prelude::*;
use bptt::weights::keras::{self, Keras};
use bptt::weights::{self, Archive, Layout, WeightsError};
use serde::Deserialize;

use super::{Names, Prediction, Published};

/// The characters that it knows. Others are vectors of zeros.
const CHARACTERS: usize = 59;
/// The size of the vectors of the package's model `eng_100`.
const HIDDEN: usize = 100;

/// The layers: the output after the last character is the vector of the word.
#[derive(Debug, Module)]
pub(crate) struct Network<T> {
    first: Lstm<T>,
    second: Lstm<T>,
}

impl<T: Scalar> Network<T> {
    /// The layers, with random weights.
    pub(crate) fn new(rng: &mut impl Rng) -> Self {
        Self { first: Lstm::new(rng, CHARACTERS, HIDDEN), second: Lstm::new(rng, HIDDEN, HIDDEN) }
    }
}

impl<T: Scalar> Keras<T> for Network<T> {
    fn in_keras(&self) -> Layout<'_, T> {
        Layout::new().group("lstm_1", self.first.in_keras()).group("lstm_2", self.second.in_keras())
    }
}

/// A word, and others of which one is nearest to it.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub(crate) struct Words {
    word: String,
    others: Vec<String>,
}

impl TryFrom<Vec<String>> for Words {
    type Error = &'static str;

    fn try_from(words: Vec<String>) -> Result<Self, Self::Error> {
        if words.iter().any(String::is_empty) {
            return Err("a word has no character");
        }
        match &words[..] {
            [word, others @ ..] if !others.is_empty() => {
                Ok(Self { word: word.clone(), others: others.to_vec() })
            }
            _ => Err("a word needs others to choose the nearest from"),
        }
    }
}

/// The model, prepared to read one word after another.
#[derive(Debug)]
pub(crate) struct Chars2Vec {
    stepper: Stepper<f32>,
    alphabet: Vec<char>,
}

impl Chars2Vec {
    fn vector(&mut self, word: &str) -> &[f32] {
        self.stepper.reset(&[0]);
        for character in word.chars().flat_map(char::to_lowercase) {
            let mut one_hot = [0.0; CHARACTERS];
            if let Some(place) = self.alphabet.iter().position(|&known| known == character) {
                one_hot[place] = 1.0;
            }
            self.stepper.step(&[&one_hot]);
        }
        self.stepper.output(0)
    }
}

impl Published for Chars2Vec {
    type Input = Words;

    fn load(archive: &Archive<f32>) -> Result<Self, WeightsError> {
        let mut rng = bptt::rng(0);
        let network =
            weights::build(|| Network::new(&mut rng), |network| keras::load(network, archive))?;
        let Names(alphabet) = Names::read(archive, "alphabet", CHARACTERS)?;
        let layers = (&network.first, &network.second);
        Ok(Self {
            stepper: stepper(&layers, [1, CHARACTERS]).memoize(CHARACTERS + 1),
            alphabet: alphabet.iter().flat_map(|name| name.chars().next()).collect(),
        })
    }

    /// Decides which of the other words is nearest. The numbers are all vectors.
    fn predict(&mut self, Words { word, others }: &Words) -> Prediction {
        let mut numbers = self.vector(word).to_vec();
        for other in others {
            numbers.extend(self.vector(other));
        }
        let (vector, vectors) = numbers.split_at(HIDDEN);
        let distance = |other: &[f32]| -> f32 {
            vector.iter().zip(other).map(|(a, b)| (a - b) * (a - b)).sum()
        };
        let nearest = (vectors.chunks(HIDDEN).map(distance).enumerate())
            .min_by(|(_, one), (_, other)| one.total_cmp(other));
        let decisions = nearest.iter().map(|&(place, _)| others[place].clone()).collect();
        Prediction { decisions, numbers }
    }
}

#[cfg(test)]
mod tests {
    use bptt::prelude::*;
    use bptt::weights::keras;
    use serde_json::json;

    use super::{CHARACTERS, Chars2Vec, HIDDEN, Network, Words};
    use crate::models::Published;
    use crate::tests::assert_near;

    #[test]
    fn reads_as_a_run_over_the_word() {
        let network = Network::new(&mut bptt::rng(0));
        let mut archive = keras::archive(&network);
        let alphabet: Vec<char> = ('A'..).take(CHARACTERS).collect(); // up to `{`, so `é` is unknown
        archive.set_text("alphabet", json!(alphabet));
        let mut model = Chars2Vec::load(&archive).unwrap();
        let words: Words = serde_json::from_str(r#"["caé", "cat", "caè"]"#).unwrap();
        let found = model.predict(&words);
        assert_eq!(found.decisions, ["caè"]);
        let places = ['c', 'a'].map(|letter| letter as usize - 'A' as usize);
        let one_hot = |i: usize| {
            let place = places.get(i / CHARACTERS);
            f32::from(u8::from(place == Some(&(i % CHARACTERS))))
        };
        let tape = Tape::inference();
        let xs = tape.constant(Tensor::from_fn([3, 1, CHARACTERS], one_hot));
        let (ys, _state) = (&network.first, &network.second).forward(xs);
        assert_near(&found.numbers[..HIDDEN], &ys.index_first(2).value(), 1e-5);
    }

    #[test]
    fn words_are_compared_with_others() {
        let read = |text| serde_json::from_str::<Words>(text).map_err(|error| error.to_string());
        assert!(read(r#"["a"]"#).unwrap_err().contains("others"));
        assert!(read(r#"["a", ""]"#).unwrap_err().contains("no character"));
    }
}
