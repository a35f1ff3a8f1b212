//! What a training run saves.
//!
//! Two files. `--out` has the best weights, for use ([`Snapshot`]); beside it, the [`Checkpoint`]
//! has the whole run, the best weights included. Each is replaced in one instant, the checkpoint
//! first. So a program that is killed between the two leaves two complete files, and the
//! checkpoint, which is the newer, is all that a resumed run trusts. When the time of a run is over,
//! a last measurement may give `--out` better weights yet; the checkpoint does not have them, since
//! a run that never stops takes no such measurement.

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
        Self { best: out.to_path_buf(), checkpoint: with_suffix(out, ".checkpoint.safetensors") }
    }

    /// Where a new run puts what an earlier one saved here: `model.previous.safetensors` and the
    /// checkpoint of that, so that the earlier run can still be used and resumed.
    #[must_use]
    pub fn previous(&self) -> Self {
        Self::beside(&with_suffix(&self.best, ".previous.safetensors"))
    }

    /// Renames what an earlier run saved here to [`previous`](Self::previous), in place of a still
    /// earlier one. Gives each file renamed with its new name.
    ///
    /// # Errors
    ///
    /// If a file cannot be renamed.
    pub fn keep_previous(&self) -> Result<Vec<(&Path, PathBuf)>, Error> {
        let previous = self.previous();
        let pairs = [(&self.best, previous.best), (&self.checkpoint, previous.checkpoint)];
        let there = pairs.into_iter().filter(|(path, _)| path.is_file());
        there
            .map(|(path, kept)| match fs::rename(path, &kept) {
                Ok(()) => Ok((path.as_path(), kept)),
                Err(source) => Err(Error::KeepPrevious { path: path.clone(), kept, source }),
            })
            .collect()
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

/// `path` with `suffix` in place of its `.safetensors`, if it has one.
fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let named = path.extension().is_some_and(|extension| extension == "safetensors");
    let mut path = if named { path.with_extension("") } else { path.to_path_buf() };
    path.as_mut_os_string().push(suffix);
    path
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
    /// If the file does not exist, is not complete, was not saved by this program, or has values
    /// that are not finite or settings without meaning.
    pub fn load(path: &Path) -> Result<Self, Error> {
        Self::from_archive(&load(path)?, path)
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

    fn from_archive(archive: &Archive<f32>, path: &Path) -> Result<Self, Error> {
        let Json(settings) = archive.parse::<Json<Settings>>("settings")?;
        settings.check().map_err(|source| Error::InvalidSetting { path: path.into(), source })?;
        Ok(Self {
            settings,
            vocabulary: archive.parse("vocabulary")?,
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
    /// If the file does not exist, is not complete, was not saved by this program, or has values
    /// that are not finite or settings without meaning.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let archive = load(path)?;
        let Json(plan) = archive.parse::<Json<Plan>>("plan")?;
        plan.check().map_err(|source| Error::InvalidSetting { path: path.into(), source })?;
        Ok(Self {
            plan,
            text: archive.parse("text")?,
            step: archive.parse("step")?,
            weights: archive.group("model"),
            optimizer: archive.group("optimizer"),
            carried: archive.group("carried"),
            best: Snapshot::from_archive(&archive.group("best"), path)?,
        })
    }
}

/// All that a file has, which is finite.
fn load(path: &Path) -> Result<Archive<f32>, Error> {
    if !path.exists() {
        return Err(Error::MissingModel { path: path.to_path_buf() });
    }
    let archive = Archive::load(path)?;
    for name in archive.names() {
        if !archive.tensor(name)?.is_finite() {
            return Err(Error::NotFinite { path: path.to_path_buf(), tensor: name.to_owned() });
        }
    }
    Ok(archive)
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
        let previous = Files::beside(Path::new("a/m.safetensors")).previous();
        assert_eq!(previous.best, Path::new("a/m.previous.safetensors"));
        assert_eq!(previous.checkpoint, Path::new("a/m.previous.checkpoint.safetensors"));
    }
}
