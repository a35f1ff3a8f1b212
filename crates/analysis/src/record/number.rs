//! Numbers in JSON, which has finite ones only.

use serde::{Deserialize, Deserializer};

/// Reads `null`, as which a number that is not finite is written, as NaN. For `#[serde(deserialize_with = "..")]`.
///
/// # Errors
///
/// If the value is neither a number nor `null`.
pub fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

/// Reads a number that may be missing. `null` is NaN.
pub(super) fn optional_number<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<f64>, D::Error> {
    number(deserializer).map(Some)
}

/// Reads a list of numbers. `null` is NaN.
pub(super) fn numbers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    let numbers = Vec::<Option<f64>>::deserialize(deserializer)?;
    Ok(numbers.into_iter().map(|number| number.unwrap_or(f64::NAN)).collect())
}
