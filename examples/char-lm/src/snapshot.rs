//! A trained model in a file.

use std::path::Path;

use bptt::weights::{self, Archive, WeightsError};
use lm::model::NotFinite;
use lm::text::Vocabulary;
use programs::terminal::memory;

use crate::args::Settings;
use crate::error::Error;
use crate::model::{CharModel, memory_of};

/// A trained model with all that it takes to use it.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) settings: Settings,
    pub(crate) vocabulary: Vocabulary,
    /// The steps of training done.
    pub(crate) step: usize,
    /// The loss on the validation text.
    pub(crate) nats: f64,
    pub(crate) weights: Archive<f32>,
}

impl Snapshot {
    pub(crate) fn load(path: &Path) -> Result<Self, Error> {
        Ok(Self::from_archive(&load(path)?)?)
    }

    /// Returns the contents of the file.
    pub(crate) fn archive(&self) -> Archive<f32> {
        let mut archive = Archive::new();
        archive.insert_group("model", &self.weights);
        archive.set_text("settings", &self.settings);
        archive.set_text("vocabulary", &self.vocabulary);
        archive.set_text("step", self.step);
        archive.set_text("nats", self.nats);
        archive
    }

    pub(crate) fn from_archive(archive: &Archive<f32>) -> Result<Self, WeightsError> {
        archive.expect_tensors(|name| name.starts_with("model."))?;
        Ok(Self {
            settings: archive.parse("settings")?,
            vocabulary: archive.parse("vocabulary")?,
            step: archive.parse("step")?,
            nats: archive.parse("nats")?,
            weights: archive.group("model"),
        })
    }

    /// Builds the model with these weights.
    pub(crate) fn model(&self) -> Result<CharModel, Error> {
        let size = self.vocabulary.len();
        memory::expect(memory_of(&self.settings, size))?; // a wrong file may claim any size
        NotFinite::check(&self.weights)?;
        let model = || CharModel::new(&self.settings, size, &mut bptt::rng(0));
        Ok(weights::build(model, |model| self.weights.assign_to(model))?)
    }
}

/// Loads a regular file: a pipe may never end.
pub(crate) fn load(path: &Path) -> Result<Archive<f32>, Error> {
    if !path.is_file() {
        return Err(Error::NoFile(path.to_path_buf()));
    }
    Ok(Archive::load(path)?)
}
