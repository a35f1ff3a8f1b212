//! The configuration of a run: flags, and the same settings in a TOML file.
//!
//! The defaults are those of the flags. The file of `--config` overrides them, and flags override the file. A setting
//! in the file has the same rules as its flag, since it is read as one.

mod error;
mod file;
pub mod rules;

pub use error::ConfigError;
pub use file::arguments;

use std::path::Path;

use clap::{Args, Parser};
use serde::Serialize;

use crate::model::{ModelSettings, RegularizationSettings};
use crate::text::TextSettings;
use crate::training::TrainingSettings;
use programs::terminal::memory::Bytes;

/// All settings that determine a run. The same settings and text give the same weights, to the bit.
#[derive(Args, Clone, Debug, PartialEq, Serialize)]
pub struct Config {
    /// The text and its units.
    #[command(flatten)]
    pub text: TextSettings,

    /// The model.
    #[command(flatten)]
    pub model: ModelSettings,

    /// The regularization.
    #[command(flatten)]
    pub regularization: RegularizationSettings,

    /// The training.
    #[command(flatten)]
    pub training: TrainingSettings,
}

/// The sections of the file, and the groups of flags whose settings they hold.
const SECTIONS: [(&str, &str); 4] = [
    ("text", "TextSettings"),
    ("model", "ModelSettings"),
    ("regularization", "RegularizationSettings"),
    ("training", "TrainingSettings"),
];

/// Returns the setting, besides its own, whose value in a file does not count beside this flag. `--steps` displaces
/// `epochs`, which would win over it.
pub(crate) fn displaced_by(flag: &str) -> Option<&'static str> {
    (flag == "steps").then_some("epochs")
}

impl Config {
    /// Returns all settings as TOML, defaults included. [`arguments`] reads it back.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).expect("settings are tables of plain values")
    }

    /// Returns the settings in a TOML text. Those that it does not name have their defaults. The path is for messages.
    ///
    /// # Errors
    ///
    /// If the text is not TOML, or has a setting that does not exist or a value without meaning.
    pub fn from_toml(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let arguments = file::arguments_of(text, path)?;
        Self::from_arguments(arguments).map_err(|error| ConfigError::value(&error, path))
    }

    fn from_arguments(arguments: Vec<String>) -> Result<Self, clap::Error> {
        #[derive(Parser)]
        #[command(no_binary_name = true)]
        struct Settings {
            #[command(flatten)]
            config: Config,
        }
        Settings::try_parse_from(arguments).map(|it| it.config)
    }

    /// Returns these settings with some replaced. `flags` are pairs of a flag's name, without `--`, and a value.
    ///
    /// # Errors
    ///
    /// If there is no such flag, or if it refuses the value.
    pub fn with<'s>(
        &self,
        flags: impl IntoIterator<Item = (&'s str, &'s str)>,
    ) -> Result<Self, ConfigError> {
        let mut table = toml::Table::try_from(self).expect("settings are tables of plain values");
        let mut arguments = Vec::new();
        for (name, value) in flags {
            let own = name.replace('-', "_");
            for section in table.iter_mut().filter_map(|(_, section)| section.as_table_mut()) {
                section.retain(|it, _| it != own && Some(it) != displaced_by(name));
            }
            arguments.push(format!("--{name}={value}"));
        }
        let kept = file::arguments_of(&table.to_string(), Path::new("the settings"))?;
        Self::from_arguments([kept, arguments].concat()).map_err(|error| ConfigError::flag(&error))
    }

    /// Returns the settings in a file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read; and as [`from_toml`](Self::from_toml).
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        Self::from_toml(&file::read(path)?, path)
    }

    /// Estimates the memory for training with a vocabulary of this size. Evaluation takes less.
    #[must_use]
    pub fn memory(&self, vocabulary_size: usize) -> Bytes {
        let positions = self.training.batch_size as f64 * self.training.window as f64;
        self.model.memory(vocabulary_size, positions)
    }

    /// Returns the names of the settings that differ between two configurations, as `section.name`.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let [this, that] = [self, other]
            .map(|it| toml::Table::try_from(it).expect("settings are tables of plain values"));
        let mut names = Vec::new();
        for (section, _) in SECTIONS {
            let [this, that] = [&this, &that].map(|it| it[section].as_table());
            let (Some(this), Some(that)) = (this, that) else { continue };
            let keys = this.keys().chain(that.keys().filter(|key| !this.contains_key(*key)));
            let changed = keys.filter(|&key| this.get(key) != that.get(key));
            names.extend(changed.map(|key| format!("{section}.{key}")));
        }
        names
    }
}

#[cfg(test)]
mod tests;
