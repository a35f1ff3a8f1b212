//! The settings of a request.

use serde_json::Value;

use super::error::Refusal;
use crate::experiment::{Settings, SettingsError, limits};

/// Reads settings. Those that are left out have their default.
///
/// # Errors
///
/// The first setting that is of another type, or is no setting.
pub(super) fn read(json: &Value) -> Result<Settings, Refusal> {
    serde_path_to_error::deserialize(json).map_err(|error| {
        let reason = error.inner().to_string();
        refuse(json, &error.path().to_string(), &reason)
            .map_or(Refusal::Unreadable { reason }, Refusal::Settings)
    })
}

/// Says what the setting at a path such as `hidden[0]` may be, if there is this setting.
fn refuse(json: &Value, path: &str, reason: &str) -> Option<SettingsError> {
    let setting = path.split('[').next()?;
    let value = match json.get(setting)? {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let (what, expected) = reason.split_once(", expected ")?;
    let range = match limits().get(setting) {
        Some(limits) if setting != "text" => limits.to_string(),
        _ => expected.replace('`', ""),
    };
    let is_setting = !what.starts_with("unknown field");
    is_setting.then(|| SettingsError {
        setting: setting.to_owned(),
        value: format!("`{value}`"),
        range,
    })
}
