//! The models. Each is built of the library's layers, and prepared for one input after another.

pub(crate) mod chars2vec;
pub(crate) mod g2p_en;
pub(crate) mod nokcut;
pub(crate) mod silero_vad;
pub(crate) mod textgenrnn;

use std::str::FromStr;

use bptt::weights::{Archive, WeightsError};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A published model.
pub(crate) trait Published: Sized {
    /// What it reads, as a reference holds it.
    type Input: DeserializeOwned;

    /// Builds the model from what its converter wrote.
    fn load(archive: &Archive<f32>) -> Result<Self, WeightsError>;

    /// Computes what the original does with an input.
    fn predict(&mut self, input: &Self::Input) -> Prediction;
}

/// What a model makes of an input.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(crate) struct Prediction {
    /// What it decides, such as the phonemes of a word.
    pub(crate) decisions: Vec<String>,
    /// The numbers that it decides by, such as logits.
    pub(crate) numbers: Vec<f32>,
}

/// The place of the largest number, and the first of several.
pub(crate) fn largest(numbers: &[f32]) -> usize {
    (1..numbers.len()).fold(0, |best, i| if numbers[i] > numbers[best] { i } else { best })
}

/// A list of texts, such as the names of symbols, that a converter wrote beside the weights as JSON.
#[derive(Clone, Debug)]
pub(crate) struct Names(pub(crate) Vec<String>);

impl FromStr for Names {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text).map(Self)
    }
}

impl Names {
    /// Reads as many names as the model needs.
    pub(crate) fn read(
        archive: &Archive<f32>,
        text: &str,
        count: usize,
    ) -> Result<Self, WeightsError> {
        archive.parse_if(text, |names: &Self| names.0.len() == count)
    }
}
