//! What a program has found.

use std::path::Path;
use std::{fmt, fs, io};

use programs::statistics::Summary;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::program::Program;

/// The file of an outcome in the folder of its program.
const FILE: &str = "numbers.json";

/// What a program has found.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) program: String,
    pub(crate) shows: String,
    /// Whether the run was neither shortened nor stopped, nor ended by an error.
    #[serde(rename = "complete")]
    pub(super) is_complete: bool,
    /// The error that ended the program.
    pub(crate) error: Option<String>,
    pub(crate) numbers: Vec<Number>,
    pub(crate) checks: Vec<Check>,
    pub(crate) claims: Vec<Claim>,
    pub(crate) quotes: Vec<Quote>,
    #[serde(default)]
    pub(crate) tables: Vec<Table>,
    /// The files of its pictures.
    pub(crate) figures: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Number {
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) value: Value,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)] // a mean is tried first, since a number may be missing
pub(crate) enum Value {
    /// Over seeds: the mean, and the ends of the interval of 95 %, if there is more than one seed.
    Mean { mean: f64, interval: Option<(f64, f64)>, seeds: usize },
    /// `None` if it is not finite, for which JSON has no number.
    One { value: Option<f64> },
}

/// A statement of a program, and whether it holds, unless it is not judged.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Check {
    pub(crate) statement: String,
    pub(crate) holds: Option<bool>,
}

/// A claim of a text, with the documented verdict, and whether the measurement still supports it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Claim {
    pub(crate) text: String,
    pub(crate) claim: String,
    pub(crate) verdict: Verdict,
    pub(crate) evidence: String,
    pub(crate) holds: bool,
}

/// A text that a net has written or read.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Quote {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Results in rows and columns.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Table {
    columns: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    Confirmed,
    Refuted,
    Qualified,
}

impl Outcome {
    pub(super) fn new(program: &Program) -> Self {
        Self {
            program: program.name.to_owned(),
            shows: program.shows.to_owned(),
            is_complete: false,
            error: None,
            numbers: Vec::new(),
            checks: Vec::new(),
            claims: Vec::new(),
            quotes: Vec::new(),
            tables: Vec::new(),
            figures: Vec::new(),
        }
    }

    /// Writes it to a folder.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self).expect("it is plain data");
        text.push('\n');
        let path = folder.join(FILE);
        fs::write(&path, text).map_err(|source| Error::Write { path, source })
    }

    /// Reads what a program wrote to a folder, if it has run.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(FILE);
        match fs::read(&path) {
            Ok(text) => match serde_json::from_slice(&text) {
                Ok(outcome) => Ok(Some(outcome)),
                Err(source) => Err(Error::Read { path, source: source.into() }),
            },
            Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::Read { path, source }),
        }
    }

    /// Whether there was no error, and everything that was judged holds.
    pub(crate) fn holds(&self) -> bool {
        if self.error.is_some() {
            return false;
        }
        let checks = self.checks.iter().map(|check| check.holds);
        checks
            .chain(self.claims.iter().map(|claim| Some(claim.holds)))
            .all(|holds| holds != Some(false))
    }
}

impl Table {
    /// Creates a table without rows.
    pub(crate) fn new<'c>(columns: impl IntoIterator<Item = &'c str>) -> Self {
        let columns = columns.into_iter().map(str::to_owned).collect();
        Self { columns, rows: Vec::new() }
    }
}

/// Writes it in Markdown.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| {} |\n|{}", self.columns.join(" | "), "---|".repeat(self.columns.len()))?;
        self.rows.iter().try_for_each(|row| writeln!(f, "| {} |", row.join(" | ")))
    }
}

impl From<Summary> for Value {
    fn from(summary: Summary) -> Self {
        Self::Mean {
            mean: summary.mean(),
            interval: summary.confidence_interval(0.95),
            seeds: summary.count(),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Number { name, value } in &self.numbers {
            writeln!(f, "  {name}: {value}")?;
        }
        for Check { statement, holds } in &self.checks {
            writeln!(f, "  {statement}: {}", judgement(*holds))?;
        }
        for Claim { text, claim, verdict, evidence, holds } in &self.claims {
            let judgement = judgement(Some(*holds));
            writeln!(f, "  {text}: \"{claim}\" is {verdict} ({judgement}): {evidence}")?;
        }
        for Quote { name, text } in &self.quotes {
            writeln!(f, "  {name}:")?;
            text.lines().try_for_each(|line| writeln!(f, "    {line}"))?;
        }
        for table in &self.tables {
            table.to_string().lines().try_for_each(|line| writeln!(f, "  {line}"))?;
        }
        self.error.iter().try_for_each(|error| writeln!(f, "  error: {error}"))
    }
}

pub(crate) fn judgement(holds: Option<bool>) -> &'static str {
    match holds {
        Some(true) => "holds",
        Some(false) => "DOES NOT HOLD",
        None => "not judged",
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::One { value: Some(value) } => f.write_str(&digits(value)),
            Self::One { value: None } => f.write_str("not finite"),
            Self::Mean { mean, interval: Some((low, high)), seeds } => {
                let [mean, low, high] = [mean, low, high].map(digits);
                write!(f, "{mean} ({low} to {high}, {seeds} seeds)")
            }
            Self::Mean { mean, .. } => write!(f, "{} (1 seed)", digits(mean)),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Confirmed => "confirmed",
            Self::Refuted => "refuted",
            Self::Qualified => "qualified",
        })
    }
}

/// Writes a number with four significant digits, and whole numbers in full.
fn digits(value: f64) -> String {
    let magnitude = value.abs();
    if value == value.trunc() && magnitude < 1e9 {
        return format!("{value}");
    }
    if !(1e-4..1e6).contains(&magnitude) {
        return format!("{value:.3e}");
    }
    let before = magnitude.log10().floor() as i32;
    let after = usize::try_from(3 - before).unwrap_or(0);
    format!("{value:.after$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_significant_digits() {
        let written = [0.123_456, 12.345_678, 123_456.7, 3.0, 1.234_56e-7, -0.5].map(digits);
        assert_eq!(written, ["0.1235", "12.35", "123457", "3", "1.235e-7", "-0.5000"]);
    }
}
