//! The rules for numbers in settings. A value without meaning is refused with the flag's name.

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

/// Parses a number for which the rule holds.
fn number<T: FromStr + Copy>(text: &str, rule: &str, holds: impl Fn(T) -> bool) -> Result<T, String>
where
    T::Err: Display,
{
    let number: T = text.parse().map_err(|_| format!("not a number; it must be {rule}"))?;
    if holds(number) { Ok(number) } else { Err(format!("it must be {rule}")) }
}

/// Parses a whole number of at least 0.
///
/// # Errors
///
/// Any other text.
pub fn whole<T: FromStr + Copy + TryInto<i64>>(text: &str) -> Result<T, String>
where
    T::Err: Display,
{
    number(text, "a whole number of at least 0 and below 2⁶³", fits)
}

/// Parses a whole number of at least 1.
///
/// # Errors
///
/// Any other text.
pub fn at_least_one(text: &str) -> Result<usize, String> {
    let rule = "a whole number of at least 1 and below 2⁶³";
    number(text, rule, |it: usize| it > 0 && fits(it))
}

/// Whether TOML can hold a number. Its numbers end where those of `i64` do.
fn fits<T: TryInto<i64>>(number: T) -> bool {
    number.try_into().is_ok()
}

/// Each layer is a value of its own, so that a file may not claim any number.
pub(crate) fn layers(text: &str) -> Result<usize, String> {
    number(text, "from 1 to 1024", |it: usize| (1..=1024).contains(&it))
}

/// Parses a number of threads. More threads than any machine has cores are a typing error, and would all be started.
///
/// # Errors
///
/// Any other text.
pub fn threads(text: &str) -> Result<usize, String> {
    number(text, "from 1 to 1024", |it: usize| (1..=1024).contains(&it))
}

/// Parses a finite number above 0.
///
/// # Errors
///
/// Any other text.
pub fn positive(text: &str) -> Result<f64, String> {
    number(text, "above 0 and finite", |it: f64| it > 0.0 && it.is_finite())
}

/// Parses a finite number of at least 0.
///
/// # Errors
///
/// Any other text.
pub fn at_least_zero(text: &str) -> Result<f64, String> {
    number(text, "at least 0 and finite", |it: f64| it >= 0.0 && it.is_finite())
}

/// Parses a number above 0 and at most 1.
///
/// # Errors
///
/// Any other text.
pub fn share(text: &str) -> Result<f64, String> {
    number(text, "above 0 and at most 1", |it: f64| it > 0.0 && it <= 1.0)
}

/// Parses a number of at least 0 and at most 1.
///
/// # Errors
///
/// Any other text.
pub fn fraction(text: &str) -> Result<f64, String> {
    number(text, "from 0 to 1", |it: f64| (0.0..=1.0).contains(&it))
}

/// Parses a number of at least 0 and below 1.
///
/// # Errors
///
/// Any other text.
pub fn rate(text: &str) -> Result<f64, String> {
    number(text, "at least 0 and below 1", |it: f64| (0.0..1.0).contains(&it))
}

/// A path of the configuration is UTF-8, and no flag where the file is read as flags.
pub(crate) fn path(text: &str) -> Result<PathBuf, String> {
    match text.starts_with('-') {
        true => Err(format!("a path does not begin with a hyphen; write ./{text}")),
        false => Ok(text.into()),
    }
}
