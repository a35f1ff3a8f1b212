//! What a training run saves.
//!
//! The two [`Files`](bptt::run::Files) of a run. `--out` has the best weights, for use ([`Snapshot`]). The
//! [`Checkpoint`] beside it has the whole run, the best weights included, and a resumed run reads it alone. When the
//! time of a run is over, a last measurement may put better weights into `--out`. The checkpoint does not have them,
//! since a run without interruption takes no such measurement.

use std::fmt;
use std::fs;
use std::path::Path;
use std::str::FromStr;

use bptt::Module;
use bptt::weights::{Archive, WeightsError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args::{Plan, Settings};
use crate::corpus::Corpus;
use crate::error::Error;
use crate::model::CharModel;
use crate::score::Nats;
use crate::vocabulary::Vocabulary;

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

    /// Loads it from a file.
    ///
    /// # Errors
    ///
    /// If the file does not exist, is not complete, was not saved by this program, or has values
    /// that are not finite or settings without meaning.
    pub fn load(path: &Path) -> Result<Self, Error> {
        Self::from_archive(&load(path)?, path)
    }

    /// What its file holds.
    #[must_use]
    pub fn archive(&self) -> Archive<f32> {
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
        expect_groups(archive, &["model"])?;
        Ok(Self {
            settings,
            vocabulary: archive.parse("vocabulary")?,
            step: archive.parse("step")?,
            score: archive.parse("loss")?,
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
    /// What its file holds.
    #[must_use]
    pub fn archive(&self) -> Archive<f32> {
        let mut archive = Archive::new();
        archive.set_text("plan", Json(&self.plan));
        archive.set_text("text", self.text);
        archive.set_text("step", self.step);
        archive.insert_group("model", &self.weights);
        archive.insert_group("optimizer", &self.optimizer);
        archive.insert_group("carried", &self.carried);
        archive.insert_group("best", &self.best.archive());
        archive
    }

    /// Checks parts of the checkpoint against one another: the best weights, which a resumed run saves again without
    /// using them, and the steps of the optimizer.
    ///
    /// # Errors
    ///
    /// If parts do not belong to one run. The error names them.
    pub fn expect_consistent(&self, corpus: &Corpus, model: &CharModel) -> Result<(), Error> {
        let inconsistent = |what: &str| Err(Error::Inconsistent { what: what.to_owned() });
        if self.best.settings != self.plan.settings {
            return inconsistent("the best weights belong to other settings");
        }
        if self.best.vocabulary != corpus.vocabulary {
            return inconsistent("the best weights belong to another text");
        }
        if self.best.step > self.step {
            return inconsistent("the best weights belong to a later step than the last one done");
        }
        self.best.model()?;
        for (name, _) in model.parameters() {
            // every parameter has a gradient at every step
            if self.step > 0 && self.optimizer.parse::<usize>(&format!("{name}.step"))? != self.step
            {
                return inconsistent(
                    "the optimizer and the run have done different numbers of steps",
                );
            }
        }
        Ok(())
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
        expect_groups(&archive, &["model", "optimizer", "carried", "best"])?;
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

/// Refuses tensors outside of these groups.
fn expect_groups(archive: &Archive<f32>, groups: &[&str]) -> Result<(), WeightsError> {
    archive.expect_tensors(|name| {
        name.split_once('.').is_some_and(|(group, _)| groups.contains(&group))
    })
}

/// All that a file has, which is finite.
fn load(path: &Path) -> Result<Archive<f32>, Error> {
    match fs::metadata(path) {
        Ok(file) if file.is_file() => {}
        Ok(_) => return Err(Error::NotAFile { path: path.to_path_buf() }),
        Err(_) => return Err(Error::MissingModel { path: path.to_path_buf() }),
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
