//! The space of a search: the values of flags.

use std::str::FromStr;

use bptt::{Rng, RngExt};

/// A flag with the values to try, written `NAME=A,B,C`.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// The name of the flag, without `--`.
    pub flag: String,
    /// Its values.
    pub values: Vec<String>,
}

impl FromStr for Axis {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (flag, values) = parts(text)?;
        Ok(Self { flag, values: list(values)? })
    }
}

/// A flag with the distribution from which its values are drawn.
///
/// | text | values |
/// |---|---|
/// | `NAME=A..B` | uniform from A to B |
/// | `NAME=log:A..B` | uniform in the logarithm, from A to B |
/// | `NAME=A,B,C` | one of these |
///
/// Between whole numbers such as `16..64`, both ends of which can be drawn, the values are whole. Others are rounded to
/// three digits, so that the name of a trial tells its settings exactly.
#[derive(Clone, Debug, PartialEq)]
pub struct Draw {
    /// The name of the flag, without `--`.
    pub flag: String,
    distribution: Distribution,
}

#[derive(Clone, Debug, PartialEq)]
enum Distribution {
    Choice(Vec<String>),
    Range { low: f64, high: f64, is_logarithmic: bool, is_whole: bool },
}

impl FromStr for Draw {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (flag, values) = parts(text)?;
        let Some((low, high)) = values.split_once("..") else {
            return Ok(Self { flag, distribution: Distribution::Choice(list(values)?) });
        };
        let (is_logarithmic, low) = match low.strip_prefix("log:") {
            Some(low) => (true, low),
            None => (false, low),
        };
        let is_whole = [low, high].iter().all(|end| end.parse::<u32>().is_ok());
        let number = |end: &str| end.parse().map_err(|_| format!("`{end}` is not a number"));
        let (low, high): (f64, f64) = (number(low)?, number(high)?);
        if !(low < high && low.is_finite() && high.is_finite()) {
            return Err("a range rises from one number to another".to_owned());
        }
        if is_logarithmic && low <= 0.0 {
            return Err("a logarithmic range begins above 0".to_owned());
        }
        let distribution = Distribution::Range { low, high, is_logarithmic, is_whole };
        Ok(Self { flag, distribution })
    }
}

impl Draw {
    /// Draws a value, as the flag takes it.
    pub(super) fn value(&self, rng: &mut impl Rng) -> String {
        match &self.distribution {
            Distribution::Choice(values) => values[rng.random_range(0..values.len())].clone(),
            &Distribution::Range { low, high, is_logarithmic, is_whole } => {
                // each whole number stands for what is rounded to it
                let margin = if is_whole { 0.5 } else { 0.0 };
                let ends = [low - margin, high + margin];
                let value = match is_logarithmic {
                    true => {
                        let [low, high] = ends.map(f64::ln);
                        rng.random_range(low..high).exp()
                    }
                    false => rng.random_range(ends[0]..ends[1]),
                };
                match is_whole {
                    true => value.round().clamp(low, high).to_string(),
                    false => rounded(value).clamp(low, high).to_string(),
                }
            }
        }
    }
}

/// Rounds to three digits.
fn rounded(value: f64) -> f64 {
    format!("{value:.2e}").parse().expect("a number")
}

/// Splits `NAME=VALUES`.
fn parts(text: &str) -> Result<(String, &str), String> {
    match text.split_once('=') {
        Some((flag, values)) if !flag.is_empty() && !values.is_empty() => {
            Ok((flag.trim_start_matches("--").to_owned(), values))
        }
        _ => Err("it has the form NAME=VALUES, such as hidden-size=64,128".to_owned()),
    }
}

fn list(values: &str) -> Result<Vec<String>, String> {
    let values: Vec<_> = values.split(',').map(str::to_owned).collect();
    match values.iter().any(String::is_empty) {
        true => Err("a value between the commas is missing".to_owned()),
        false => Ok(values),
    }
}
