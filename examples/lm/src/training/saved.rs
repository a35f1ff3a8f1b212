//! Trained models in files.

use std::path::{Path, PathBuf};

use bptt::weights::{Archive, WeightsError};

use crate::config::{Config, ConfigError};
use crate::model::{LanguageModel, ModelError};
use crate::text::{InvalidVocabulary, Vocabulary};
use programs::terminal::memory::{self, MemoryError};

/// A trained model with its settings and vocabulary: the content of `model.safetensors`.
#[derive(Clone, Debug)]
pub struct Saved {
    /// The settings of the run.
    pub config: Config,
    /// The tokens.
    pub vocabulary: Vocabulary,
    /// The steps of training done.
    pub step: usize,
    /// The loss on the validation text, in nats per token.
    pub nats: f64,
    /// The parameters.
    pub weights: Archive<f32>,
}

/// A file that holds no model of this program.
#[derive(Debug, thiserror::Error)]
pub enum SavedError {
    /// The folder has no weights.
    #[error("there is no trained model in {path}: give the folder of a run, or a weights file", path = .path.display())]
    Missing {
        /// As given.
        path: PathBuf,
    },
    /// The file cannot be read. The error names it.
    #[error(transparent)]
    Unreadable(WeightsError),
    /// The file holds no model.
    #[error("{path}: {source}", path = .path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: WeightsError,
    },
    /// The settings in the file have no meaning.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The tokens in the file have no meaning.
    #[error("{path}: {source}", path = .path.display())]
    Vocabulary {
        /// The file.
        path: PathBuf,
        /// What is wrong with them.
        source: InvalidVocabulary,
    },
    /// The weights do not suit the settings.
    #[error("{path}: {source}", path = .path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// What does not suit.
        source: Box<ModelError>,
    },
}

const MODEL: &str = "model";
const CONFIG: &str = "config";
const VOCABULARY: &str = "vocabulary";
const STEP: &str = "step";
const NATS: &str = "nats";

impl Saved {
    /// Returns the content of the file.
    #[must_use]
    pub fn archive(&self) -> Archive<f32> {
        let mut archive = Archive::new();
        archive.insert_group(MODEL, &self.weights);
        archive.set_text(CONFIG, self.config.to_toml());
        archive.set_text(VOCABULARY, &self.vocabulary);
        archive.set_text(STEP, self.step);
        archive.set_text(NATS, self.nats);
        archive
    }

    /// Loads a model from a file, or from the folder of a run.
    ///
    /// # Errors
    ///
    /// If there is none, or if the file is damaged or foreign.
    pub fn load(path: &Path) -> Result<Self, SavedError> {
        let file = if path.is_dir() { path.join("model.safetensors") } else { path.to_path_buf() };
        if !file.is_file() {
            return Err(SavedError::Missing { path: path.to_path_buf() });
        }
        let archive = Archive::load(&file).map_err(SavedError::Unreadable)?;
        let saved = Self::of(&archive, &file)?;
        log::info!("{}: {}, step {}", file.display(), saved.config.model.name(), saved.step);
        Ok(saved)
    }

    /// Returns the model in an archive. The path is for messages.
    ///
    /// # Errors
    ///
    /// If the archive is damaged or foreign.
    pub fn of(archive: &Archive<f32>, path: &Path) -> Result<Self, SavedError> {
        let failed = |source| SavedError::Weights { path: path.to_path_buf(), source };
        archive.expect_tensors(|name| name.starts_with("model.")).map_err(failed)?;
        let vocabulary = archive.text(VOCABULARY).map_err(failed)?.parse();
        Ok(Self {
            config: Config::from_toml(archive.text(CONFIG).map_err(failed)?, path)?,
            vocabulary: vocabulary
                .map_err(|source| SavedError::Vocabulary { path: path.to_path_buf(), source })?,
            step: archive.parse(STEP).map_err(failed)?,
            nats: archive.parse(NATS).map_err(failed)?,
            weights: archive.group(MODEL),
        })
    }

    /// Returns the prime of a text that has no other: the end of a line, or the first token.
    #[must_use]
    pub fn opening(&self) -> Vec<u32> {
        self.vocabulary.encode("\n").unwrap_or_else(|_| vec![0])
    }

    /// Refuses a model that needs more memory than there is, if it reads so many tokens at once.
    ///
    /// # Errors
    ///
    /// If the available memory is known and too small.
    pub fn expect_memory(&self, positions: usize) -> Result<(), MemoryError> {
        memory::expect(self.config.model.memory(self.vocabulary.len(), positions as f64))
    }

    /// Builds the model.
    ///
    /// # Errors
    ///
    /// If the weights are not those of a model with these settings and this vocabulary.
    pub fn model(&self) -> Result<LanguageModel, ModelError> {
        let Config { model, regularization, .. } = &self.config;
        LanguageModel::with_weights(model, regularization, self.vocabulary.len(), &self.weights)
    }
}
