//! What the original computes: the file `reference.json`, which a converter writes.

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::models::Prediction;

/// The original's answers to a fixed list of inputs.
#[derive(Debug, Deserialize)]
#[serde(bound = "I: DeserializeOwned")]
pub(crate) struct Reference<I> {
    /// The package and its version.
    pub(crate) package: String,
    /// What the package computes with, and its version.
    pub(crate) runtime: String,
    /// What a time is the time of, such as a word.
    pub(crate) unit: String,
    pub(crate) cases: Vec<Case<I>>,
}

/// An input and what the original makes of it.
#[derive(Debug, Deserialize)]
pub(crate) struct Case<I> {
    pub(crate) input: I,
    #[serde(flatten)]
    pub(crate) expected: Prediction,
    /// The units that the input consists of.
    pub(crate) units: NonZeroUsize,
    /// The original's time for the input.
    pub(crate) seconds: f64,
}

impl<I: DeserializeOwned> Reference<I> {
    pub(crate) fn load(path: &Path) -> Result<Self, Error> {
        let path_of = || path.to_owned();
        let text =
            fs::read_to_string(path).map_err(|error| Error::Read { path: path_of(), error })?;
        let reference: Self = serde_json::from_str(&text)
            .map_err(|error| Error::Reference { path: path_of(), error })?;
        if reference.cases.is_empty() {
            return Err(Error::NoInput(path_of()));
        }
        Ok(reference)
    }
}
