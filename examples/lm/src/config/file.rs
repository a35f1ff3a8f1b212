//! The configuration file, read as flags.

use std::fs;
use std::path::Path;

use clap::{Args, Command};
use toml::{Table, Value};

use super::{Config, ConfigError, SECTIONS};

/// Returns the settings of a file as flags.
///
/// # Errors
///
/// If the file cannot be read, is not TOML, or has a setting that does not exist or a value without meaning.
pub fn arguments(path: &Path) -> Result<Vec<String>, ConfigError> {
    arguments_of(&read(path)?, path)
}

pub(super) fn read(path: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.into(), source })
}

/// Returns the settings in `text` as flags, as [`arguments`] does. The path is for messages.
pub(super) fn arguments_of(text: &str, path: &Path) -> Result<Vec<String>, ConfigError> {
    let table: Table = text
        .parse()
        .map_err(|source| ConfigError::Toml { path: path.into(), source: Box::new(source) })?;
    let command = Config::augment_args(Command::new("config")).no_binary_name(true);
    let mut arguments = Vec::new();
    for (section, settings) in &table {
        let known = settings_of(&command, section, path)?;
        let Value::Table(settings) = settings else {
            let message = format!("`{section}` is a section: write [{section}] above its settings");
            return Err(ConfigError::Value { path: path.into(), message });
        };
        for (name, value) in settings {
            if !known.contains(name) {
                let hint = format!("[{section}] has {}", known.join(", "));
                let name = format!("{section}.{name}");
                return Err(ConfigError::Unknown { path: path.into(), name, hint });
            }
            flag(name, value, &mut arguments);
        }
    }
    let checked = command.try_get_matches_from(&arguments);
    checked.map_err(|error| ConfigError::value(&error, path))?;
    Ok(arguments)
}

/// Returns the names of a section's settings.
fn settings_of(command: &Command, section: &str, path: &Path) -> Result<Vec<String>, ConfigError> {
    let group = SECTIONS.iter().find(|(name, _)| *name == section).map(|(_, group)| group);
    let group = command.get_groups().find(|it| group.is_some_and(|group| it.get_id() == group));
    let names = group.map(|group| group.get_args().map(ToString::to_string).collect());
    names.ok_or_else(|| ConfigError::Unknown {
        path: path.into(),
        name: section.to_owned(),
        hint: format!("the sections are {}", SECTIONS.map(|(name, _)| name).join(", ")),
    })
}

/// Adds the flag of a setting. An empty list is the absence of the flag.
fn flag(name: &str, value: &Value, arguments: &mut Vec<String>) {
    let name = name.replace('_', "-");
    match value {
        Value::Array(values) if values.is_empty() => {}
        Value::Array(values) => {
            arguments.push(format!("--{name}"));
            arguments.extend(values.iter().map(plain));
        }
        value => arguments.push(format!("--{name}={}", plain(value))),
    }
}

/// Returns a value as a flag takes it. A string loses its quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
