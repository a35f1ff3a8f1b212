//! What a training run saves.
//!
//! Two files. `--out` has the best weights, for use ([`Snapshot`]); beside it, the [`Checkpoint`]
//! has the whole run, the best weights included. Each is replaced in one instant, the checkpoint
//! first. So a program that is killed between the two leaves two complete files, and the
//! checkpoint, which is the newer, is all that a resumed run trusts.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use bptt::weights::{Archive, WeightsError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args::{Plan, Settings};
use crate::error::Error;
use crate::model::CharModel;
use crate::score::Nats;
use crate::vocabulary::Vocabulary;

/// Where a run saves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The best weights.
    pub best: PathBuf,
    /// The whole run.
    pub checkpoint: PathBuf,
}

impl Files {
    /// The files of a run that saves its best weights to `out`: the checkpoint of
    /// `model.safetensors` is `model.checkpoint.safetensors`.
    #[must_use]
    pub fn beside(out: &Path) -> Self {
        let named = out.extension().is_some_and(|extension| extension == "safetensors");
        let mut checkpoint = if named { out.with_extension("") } else { out.to_path_buf() };
        checkpoint.as_mut_os_string().push(".checkpoint.safetensors");
        Self { best: out.to_path_buf(), checkpoint }
    }

    /// Makes the folder of the files.
    ///
    /// # Errors
    ///
    /// If it does not exist and cannot be made.
    pub fn make_folder(&self) -> Result<(), Error> {
        let Some(folder) = self.best.parent() else { return Ok(()) };
        fs::create_dir_all(folder)
            .map_err(|source| Error::MakeFolder { path: folder.to_path_buf(), source })
    }
}

/// A trained model, with all that it takes to use it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// How the model was made.
    pub settings: Settings,
    /// The characters that it knows.
    pub vocabulary: Vocabulary,
    /// The steps that it had learnt for.
    pub step: usize,
    /// Its loss on the validation text.
    pub score: Nats,
    /// Its parameters.
    pub weights: Archive<f32>,
}

impl Snapshot {
    /// The model itself.
    ///
    /// # Errors
    ///
    /// If the weights are not those of a model with these settings and this vocabulary.
    pub fn model(&self) -> Result<CharModel, WeightsError> {
        CharModel::with_weights(&self.settings, self.vocabulary.len(), &self.weights)
    }

    /// Saves it to a file.
    ///
    /// # Errors
    ///
    /// If the file cannot be written; one that is already there then stays.
    pub fn save(&self, path: &Path) -> Result<(), WeightsError> {
        self.archive().save(path)
    }

    /// Loads it from a file.
    ///
    /// # Errors
    ///
    /// If the file does not exist, is not complete, or was not saved by this program.
    pub fn load(path: &Path) -> Result<Self, Error> {
        Ok(Self::from_archive(&load(path)?)?)
    }

    fn archive(&self) -> Archive<f32> {
        let mut archive = Archive::new();
        archive.insert_group("model", &self.weights);
        archive.set_text("settings", Json(&self.settings));
        archive.set_text("vocabulary", &self.vocabulary);
        archive.set_text("step", self.step);
        archive.set_text("loss", self.score.0);
        archive
    }

    fn from_archive(archive: &Archive<f32>) -> Result<Self, WeightsError> {
        Ok(Self {
            settings: archive.parse::<Json<_>>("settings")?.0,
            vocabulary: Vocabulary::of(archive.text("vocabulary")?.chars()),
            step: archive.parse("step")?,
            score: Nats(archive.parse("loss")?),
            weights: archive.group("model"),
        })
    }
}

/// A training run between two steps.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// What the run does.
    pub plan: Plan,
    /// [`Corpus::fingerprint`](crate::corpus::Corpus::fingerprint) of its text.
    pub text: u64,
    /// The steps done.
    pub step: usize,
    /// The parameters.
    pub weights: Archive<f32>,
    /// The optimizer's memory.
    pub optimizer: Archive<f32>,
    /// The state that the next window continues, by position.
    pub carried: Archive<f32>,
    /// The best weights so far.
    pub best: Snapshot,
}

impl Checkpoint {
    /// Saves it to a file.
    ///
    /// # Errors
    ///
    /// If the file cannot be written; one that is already there then stays.
    pub fn save(&self, path: &Path) -> Result<(), WeightsError> {
        let mut archive = Archive::new();
        archive.set_text("plan", Json(&self.plan));
        archive.set_text("text", self.text);
        archive.set_text("step", self.step);
        archive.insert_group("model", &self.weights);
        archive.insert_group("optimizer", &self.optimizer);
        archive.insert_group("carried", &self.carried);
        archive.insert_group("best", &self.best.archive());
        archive.save(path)
    }

    /// Loads it from a file.
    ///
    /// # Errors
    ///
    /// If the file does not exist, is not complete, or was not saved by this program.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let archive = load(path)?;
        Ok(Self {
            plan: archive.parse::<Json<_>>("plan")?.0,
            text: archive.parse("text")?,
            step: archive.parse("step")?,
            weights: archive.group("model"),
            optimizer: archive.group("optimizer"),
            carried: archive.group("carried"),
            best: Snapshot::from_archive(&archive.group("best"))?,
        })
    }
}

fn load(path: &Path) -> Result<Archive<f32>, Error> {
    if path.exists() {
        Ok(Archive::load(path)?)
    } else {
        Err(Error::MissingModel { path: path.to_path_buf() })
    }
}

/// Settings as text.
struct Json<T>(T);

impl<T: Serialize> fmt::Display for Json<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(&self.0).map_err(|_| fmt::Error)?)
    }
}

impl<T: DeserializeOwned> FromStr for Json<T> {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checkpoint_stands_beside_the_weights() {
        let checkpoint = |out: &str| Files::beside(Path::new(out)).checkpoint;
        assert_eq!(checkpoint("a/m.safetensors"), Path::new("a/m.checkpoint.safetensors"));
        // No two runs share one: "v1.2" has no extension to take off.
        assert_eq!(checkpoint("v1.2"), Path::new("v1.2.checkpoint.safetensors"));
    }
}
