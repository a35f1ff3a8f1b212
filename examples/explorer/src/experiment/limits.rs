//! What the numbers of settings may be.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde::Serialize;

/// A setting that no experiment can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{setting}` cannot be {value}: give {range}")]
pub struct SettingsError {
    /// The name of the setting.
    pub setting: String,
    /// What it was.
    pub value: String,
    /// What it may be.
    pub range: String,
}

impl SettingsError {
    pub(super) fn new(setting: &str, value: impl Display, range: impl Into<String>) -> Self {
        Self { setting: setting.to_owned(), value: value.to_string(), range: range.into() }
    }
}

/// The limits of a number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// The least number.
    pub min: f64,
    /// The largest number.
    pub max: f64,
    /// Whether it is a whole number.
    pub is_whole: bool,
    #[serde(skip)]
    setting: &'static str,
    /// What the number counts or measures.
    #[serde(skip)]
    what: &'static str,
}

pub(super) const TEXT: Limits = Limits::whole("text", 2, 400, "characters");
pub(super) const CLASSES: Limits = Limits::whole("text", 2, 64, "different characters");
pub(super) const LAYERS: Limits = Limits::whole("hidden", 1, 4, "layers");
pub(super) const UNITS: Limits = Limits::whole("hidden", 1, 256, "units for each layer");
pub(super) const RATE: Limits = Limits::real("rate", [1e-9, 10.0], "as the learning rate");
pub(super) const BATCH: Limits = Limits::whole("batch", 1, 256, "sequences");
pub(super) const LENGTH: Limits = Limits::whole("length", 2, 200, "steps");
pub(super) const NOISE: Limits = Limits::real("noise", [0.0, 2.0], "as the standard deviation");
pub(super) const CLIP: Limits =
    Limits::real("clip", [0.0, 1e6], "as the largest norm, where 0 is no limit");
pub(super) const SEED: Limits = Limits::whole("seed", 0, u32::MAX, "as the seed");
pub(super) const UPDATES: Limits = Limits::whole("updates", 0, 100_000, "updates");

/// The most weights of each gate, in all layers together. The page shows every weight.
pub(super) const LARGEST_NET: usize = 150_000;
/// The most units times steps. The page shows several values of each unit at each step.
pub(super) const LARGEST_LOOK: usize = 51_200;
/// The most products with weights of each gate in an update, which bounds the time that it takes.
pub(super) const LARGEST_UPDATE: usize = 2_000_000_000;

/// Returns the limits of each setting that is a number, of the number of characters of `text`, of the number of `layers`,
/// and of the units of each layer, `hidden`.
#[must_use]
pub fn limits() -> BTreeMap<&'static str, Limits> {
    let of_settings = [TEXT, UNITS, RATE, BATCH, LENGTH, NOISE, CLIP, SEED, UPDATES];
    let mut limits: BTreeMap<_, _> = of_settings.map(|it| (it.setting, it)).into();
    limits.insert("layers", LAYERS);
    limits
}

impl Limits {
    const fn whole(setting: &'static str, min: u32, max: u32, what: &'static str) -> Self {
        Self { min: min as f64, max: max as f64, is_whole: true, setting, what }
    }

    pub(crate) const fn real(
        setting: &'static str,
        [min, max]: [f64; 2],
        what: &'static str,
    ) -> Self {
        Self { min, max, is_whole: false, setting, what }
    }

    /// Returns lower limits of the same number, which other settings cause.
    pub(super) fn at_most(self, max: usize, what: &'static str) -> Self {
        Self { max: self.max.min(max as f64), what, ..self }
    }

    /// Refuses a number out of the limits.
    pub(crate) fn check(&self, number: f64) -> Result<(), SettingsError> {
        if (self.min..=self.max).contains(&number) {
            return Ok(());
        }
        let value = match self.setting {
            "text" => format!("a text of {number} {}", self.what),
            _ => number.to_string(),
        };
        Err(SettingsError::new(self.setting, value, self.to_string()))
    }
}

impl Display for Limits {
    /// Writes the limits as a message names them, such as "1 to 4 layers".
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} to {} {}", self.min, self.max, self.what)
    }
}
