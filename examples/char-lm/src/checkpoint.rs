//! The contents of the two [`Files`](bptt::run::Files) of a run.
//!
//! The file `--out` holds the best weights, for use ([`Snapshot`]). The [`Checkpoint`] beside it holds the whole run,
//! the best weights included. A resumed run reads the checkpoint alone. When the time of a run is over, a last
//! measurement may put better weights into `--out`. The checkpoint does not hold them, since a run without interruption
//! takes no such measurement.

use std::fmt;
use std::fs;
use std::path::Path;
use std::str::FromStr;

use bptt::weights::{Archive, WeightsError};
use bptt::{Module, Shape, Tensor};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::corpus::Corpus;
use crate::error::Error;
use crate::model::CharModel;
use crate::score::Nats;
use crate::settings::{Plan, Settings};
use crate::vocabulary::Vocabulary;

/// A trained model: its weights, its settings and its vocabulary.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The settings of the model and its training.
    pub settings: Settings,
    /// The characters of the model.
    pub vocabulary: Vocabulary,
    /// The steps of training done.
    pub step: usize,
    /// Its loss on the validation text.
    pub score: Nats,
    /// Its parameters.
    pub weights: Archive<f32>,
}

impl Snapshot {
    /// Builds the model with these weights.
    ///
    /// # Errors
    ///
    /// If the weights are not those of a model with these settings and this vocabulary.
    pub fn model(&self) -> Result<CharModel, WeightsError> {
        CharModel::with_weights(&self.settings, self.vocabulary.len(), &self.weights)
    }

    /// Loads a snapshot from a file.
    ///
    /// # Errors
    ///
    /// If the file does not exist, is not complete, was not saved by this program, is a checkpoint, or has values that
    /// are not finite or settings without meaning.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let archive = load(path)?;
        if archive.has_text(&format!("extra.{PLAN}")) {
            let weights = path.with_extension("").with_extension("safetensors");
            return Err(Error::CheckpointAsWeights { path: path.to_path_buf(), weights });
        }
        Self::from_archive(&archive, path)
    }

    /// Returns the contents of the file.
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
    /// The plan of the run.
    pub plan: Plan,
    /// [`Corpus::fingerprint`](crate::corpus::Corpus::fingerprint) of its text.
    pub text: u64,
    /// The steps done.
    pub step: usize,
    /// The best weights so far.
    pub best: Snapshot,
    /// The checkpoint of the [`Training`](bptt::run::Training), which holds all of these.
    pub archive: Archive<f32>,
}

const PLAN: &str = "plan";
const TEXT: &str = "text";
const CARRIED: &str = "carried";

impl Checkpoint {
    /// Returns the [`extra`](bptt::run::Training::extra) archive of a training: the plan, the fingerprint of the text,
    /// and the state from which the next window continues.
    #[must_use]
    pub fn extra(plan: &Plan, text: u64, carried: &[Tensor<f32>]) -> Archive<f32> {
        let mut extra = Archive::new();
        extra.set_text(PLAN, Json(plan));
        extra.set_text(TEXT, text);
        for (position, state) in carried.iter().enumerate() {
            extra.insert(format!("{CARRIED}.{position}"), state.clone());
        }
        extra
    }

    /// Returns the state from which the next window continues, if the checkpoint has tensors of these shapes and no
    /// others.
    ///
    /// # Errors
    ///
    /// If it has others.
    pub fn carried(&self, shapes: &[Shape]) -> Result<Vec<Tensor<f32>>, WeightsError> {
        let extra = self.archive.group("extra");
        expect_groups(&extra, &[CARRIED])?;
        let carried = extra.group(CARRIED);
        carried.expect_tensors(|name| name.parse().is_ok_and(|it: usize| it < shapes.len()))?;
        let states = shapes.iter().enumerate();
        states
            .map(|(position, shape)| carried.shaped(&position.to_string(), shape).cloned())
            .collect()
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
        let optimizer = self.archive.group("optimizer");
        for (name, _) in model.parameters() {
            // every parameter has a gradient at every step
            if self.step > 0 && optimizer.parse::<usize>(&format!("{name}.step"))? != self.step {
                return inconsistent(
                    "the optimizer and the run have done different numbers of steps",
                );
            }
        }
        Ok(())
    }

    /// Loads a checkpoint from a file.
    ///
    /// # Errors
    ///
    /// If the file does not exist, is not complete, was not saved by this program, or has values
    /// that are not finite or settings without meaning.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let archive = load(path)?;
        let extra = archive.group("extra");
        let Json(plan) = extra.parse::<Json<Plan>>(PLAN)?;
        plan.check().map_err(|source| Error::InvalidSetting { path: path.into(), source })?;
        Ok(Self {
            plan,
            text: extra.parse(TEXT)?,
            step: archive.parse("step")?,
            best: Snapshot::from_archive(&archive.group("best"), path)?,
            archive,
        })
    }
}

/// Refuses tensors outside of these groups.
fn expect_groups(archive: &Archive<f32>, groups: &[&str]) -> Result<(), WeightsError> {
    archive.expect_tensors(|name| {
        name.split_once('.').is_some_and(|(group, _)| groups.contains(&group))
    })
}

/// Loads a file, whose values must be finite.
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
