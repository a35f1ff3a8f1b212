//! What an experiment is determined by.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use programs::cells::CellKind;

/// The settings of an experiment. Together with the number of updates they determine every number that the page shows:
/// all random numbers come from the seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What is learned.
    pub task: TaskKind,
    /// The text of the task [`TaskKind::Text`], which repeats endlessly. Other tasks ignore it.
    pub text: String,
    /// The cell of all layers.
    pub cell: CellKind,
    /// The hidden size of each layer, from the input up.
    pub hidden: Vec<usize>,
    /// The optimizer.
    pub optimizer: OptimizerKind,
    /// The learning rate.
    pub rate: f64,
    /// The number of sequences of an update.
    pub batch: usize,
    /// The number of steps of a sequence.
    pub length: usize,
    /// The standard deviation of the noise of the training data. The waves themselves range from −1 to 1.
    pub noise: f64,
    /// The largest norm of a gradient; 0 for no limit.
    pub clip: f64,
    /// The seed of all random numbers.
    pub seed: u32,
    /// The number of updates before the page shows the experiment.
    pub updates: usize,
}

/// The default of [`Settings::text`].
const TEXT: &str = "the sun rises in the east and sets in the west; the wind comes from the sea and goes to the hills. \
                    she sells sea shells by the sea shore, and the shells that she sells are sea shells i am sure. ";

impl Default for Settings {
    fn default() -> Self {
        Self {
            task: TaskKind::Sine,
            text: TEXT.to_owned(),
            cell: CellKind::Lstm,
            hidden: vec![8],
            optimizer: OptimizerKind::Adam,
            rate: 0.01,
            batch: 8,
            length: 24,
            noise: 0.0,
            clip: 1.0,
            seed: 0,
            updates: 0,
        }
    }
}

/// What is learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    /// The next value of a sine.
    Sine,
    /// The next value of a saw.
    Saw,
    /// The next value of a square wave.
    Square,
    /// The next value of a sum of two sines.
    Sines,
    /// The next character of a short text.
    Text,
}

/// How parameters are changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerKind {
    /// Adam (Kingma and Ba 2015).
    Adam,
    /// Gradient descent.
    Sgd,
    /// `RMSprop` (Hinton 2012).
    RmsProp,
}

/// A setting that no experiment can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {value}; give {range}")]
pub struct SettingsError {
    /// The name of the setting.
    pub setting: &'static str,
    /// What it was.
    pub value: String,
    /// What it may be.
    pub range: String,
}

impl SettingsError {
    fn new(setting: &'static str, value: impl Display, range: impl Into<String>) -> Self {
        Self { setting, value: value.to_string(), range: range.into() }
    }

    /// Refuses a value out of a range.
    pub(crate) fn unless<T: PartialOrd + Display>(
        setting: &'static str,
        value: T,
        range: &RangeInclusive<T>,
        what: &str,
    ) -> Result<(), Self> {
        if range.contains(&value) {
            return Ok(());
        }
        let range = format!("{} to {} {what}", range.start(), range.end());
        Err(Self::new(setting, value, range))
    }
}

const LAYERS: RangeInclusive<usize> = 1..=4;
const UNITS: RangeInclusive<usize> = 1..=256;
const LARGEST_RATE: f64 = 10.0;
const BATCH: RangeInclusive<usize> = 1..=256;
const LENGTH: RangeInclusive<usize> = 2..=200;
const NOISE: RangeInclusive<f64> = 0.0..=2.0;
const CLIP: RangeInclusive<f64> = 0.0..=1e6;
const UPDATES: RangeInclusive<usize> = 0..=100_000;
const CHARACTERS: RangeInclusive<usize> = 2..=400;
const CLASSES: RangeInclusive<usize> = 2..=64;
/// The most weights of each gate, in all layers together. The page shows every weight.
const LARGEST_NET: usize = 150_000;
/// The most units times steps. The page shows several values of each unit at each step.
const LARGEST_LOOK: usize = 51_200;
/// The most products with weights of each gate in an update: that takes less than a second.
const LARGEST_UPDATE: usize = 2_000_000_000;

impl Settings {
    /// Checks that there is such an experiment, and that it does not take the machine.
    ///
    /// # Errors
    ///
    /// The first setting that is out of its range.
    pub fn check(&self) -> Result<(), SettingsError> {
        self.check_text()?;
        self.check_layers()?;
        if self.rate <= 0.0 || self.rate > LARGEST_RATE || self.rate.is_nan() {
            let range = format!("a number above 0, at most {LARGEST_RATE}");
            return Err(SettingsError::new("rate", self.rate, range));
        }
        SettingsError::unless("batch", self.batch, &BATCH, "sequences")?;
        SettingsError::unless("length", self.length, &LENGTH, "steps")?;
        SettingsError::unless("noise", self.noise, &NOISE, "as the standard deviation")?;
        SettingsError::unless(
            "clip",
            self.clip,
            &CLIP,
            "as the largest norm, where 0 is no limit",
        )?;
        SettingsError::unless("updates", self.updates, &UPDATES, "updates")?;
        self.check_work()
    }

    fn check_text(&self) -> Result<(), SettingsError> {
        let text = &self.text;
        SettingsError::unless("text", text.chars().count(), &CHARACTERS, "characters")?;
        let classes = text.chars().collect::<BTreeSet<_>>().len();
        SettingsError::unless("text", classes, &CLASSES, "different characters")?;
        match text.chars().find(|c| c.is_control()) {
            Some(c) => Err(SettingsError::new("text", c.escape_default(), "one line without tabs")),
            None => Ok(()),
        }
    }

    fn check_layers(&self) -> Result<(), SettingsError> {
        SettingsError::unless("hidden", self.hidden.len(), &LAYERS, "layers")?;
        let granularity = self.cell.granularity();
        for &units in &self.hidden {
            SettingsError::unless("hidden", units, &UNITS, "units for each layer")?;
            if units % granularity != 0 {
                let range = format!("a multiple of {granularity} units, as its blocks have");
                return Err(SettingsError::new("hidden", units, range));
            }
        }
        Ok(())
    }

    /// Checks that the settings together do not ask too much of the page and of the machine.
    fn check_work(&self) -> Result<(), SettingsError> {
        let Self { hidden, length, batch, .. } = self;
        let inputs = [*CLASSES.end()].into_iter().chain(hidden.iter().copied());
        let weights: usize = inputs.zip(hidden).map(|(inputs, size)| size * (inputs + size)).sum();
        if weights > LARGEST_NET {
            let range = format!("smaller layers: at most {LARGEST_NET} weights for each gate");
            return Err(SettingsError::new("hidden", format!("{hidden:?}"), range));
        }
        let units: usize = hidden.iter().sum();
        SettingsError::unless(
            "length",
            *length,
            &(1..=LARGEST_LOOK / units),
            "steps of so many units",
        )?;
        let largest = LARGEST_UPDATE / (length * weights);
        SettingsError::unless(
            "batch",
            *batch,
            &(1..=largest),
            "sequences of so many steps and units",
        )
    }

    /// Returns the largest norm of a gradient.
    pub(super) fn largest_norm(&self) -> f64 {
        if self.clip == 0.0 { f64::INFINITY } else { self.clip }
    }
}
