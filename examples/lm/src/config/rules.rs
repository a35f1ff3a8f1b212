//! The rules for numbers in settings. A value without meaning is refused with the flag's name.

use std::fmt::Display;
use std::str::FromStr;

/// Parses a number for which the rule holds.
fn number<T: FromStr + Copy>(text: &str, rule: &str, holds: impl Fn(T) -> bool) -> Result<T, String>
where
    T::Err: Display,
{
    let number: T = text.parse().map_err(|_| format!("not a number; it must be {rule}"))?;
    if holds(number) { Ok(number) } else { Err(format!("it must be {rule}")) }
}

pub(crate) fn at_least_one(text: &str) -> Result<usize, String> {
    number(text, "a whole number of at least 1", |it: usize| it > 0)
}

/// Each layer is a value of its own, so that a file may not claim any number.
pub(crate) fn layers(text: &str) -> Result<usize, String> {
    number(text, "from 1 to 1024", |it: usize| (1..=1024).contains(&it))
}

/// Refuses more threads than any machine has cores. Such a number is a typing error, and all threads would be started.
pub(crate) fn threads(text: &str) -> Result<usize, String> {
    number(text, "from 1 to 1024", |it: usize| (1..=1024).contains(&it))
}

pub(crate) fn positive(text: &str) -> Result<f64, String> {
    number(text, "above 0 and finite", |it: f64| it > 0.0 && it.is_finite())
}

pub(crate) fn at_least_zero(text: &str) -> Result<f64, String> {
    number(text, "at least 0 and finite", |it: f64| it >= 0.0 && it.is_finite())
}

pub(crate) fn share(text: &str) -> Result<f64, String> {
    number(text, "above 0 and at most 1", |it: f64| it > 0.0 && it <= 1.0)
}

pub(crate) fn rate(text: &str) -> Result<f64, String> {
    number(text, "at least 0 and below 1", |it: f64| (0.0..1.0).contains(&it))
}

/// The numbers of TOML end where those of `i64` do.
pub(crate) fn seed(text: &str) -> Result<u64, String> {
    let rule = "a whole number of at least 0 and below 2⁶³";
    number(text, rule, |it: u64| i64::try_from(it).is_ok())
}
