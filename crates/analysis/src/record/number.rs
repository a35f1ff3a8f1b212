//! Numbers in JSON, which has finite ones only, and for people.

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

/// Returns a number for people, with so many decimals. It has a power of ten if it would be long, or would have fewer
/// than two digits.
pub(super) fn decimal(number: f64, decimals: usize) -> String {
    match number.abs() {
        0.0 => "0".to_owned(),
        size if size < 1e5 && size >= 10_f64.powi(1 - decimals as i32) => {
            format!("{number:.decimals$}")
        }
        _ => format!("{number:.1e}"),
    }
}
