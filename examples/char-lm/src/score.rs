//! Scores of predicted characters.

use std::f64::consts::LN_2;
use std::fmt;
use std::str::FromStr;

use crate::ngram::BASELINE_ORDER;

/// Mean of `-ln P` over the characters predicted.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Nats(pub f64);

impl Nats {
    /// Returns the score in bits, the mean of `-log₂ P`.
    #[must_use]
    pub fn bits(self) -> f64 {
        self.0 / LN_2
    }
}

impl fmt::Display for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.4} nats, {:.4} bits per character", self.0, self.bits())
    }
}

/// The error of a loss that no model can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a loss is finite and at least 0")]
pub struct InvalidLoss;

impl FromStr for Nats {
    type Err = InvalidLoss;

    fn from_str(text: &str) -> Result<Self, InvalidLoss> {
        let nats = text.parse().map_err(|_| InvalidLoss)?;
        if (0.0..f64::INFINITY).contains(&nats) { Ok(Self(nats)) } else { Err(InvalidLoss) }
    }
}

/// A model beside the baseline, on the same characters; displayed as a table.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// A short description of the model.
    pub name: String,
    /// The model's score.
    pub model: Nats,
    /// The n-gram model's score.
    pub baseline: Nats,
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let baseline = format!("{BASELINE_ORDER}-gram, Witten–Bell");
        let rows = [(&self.name, self.model), (&baseline, self.baseline)];
        let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        write!(f, "{:width$}  {:>8}  {:>8}", "validation loss", "nats", "bits")?;
        for (name, score) in rows {
            write!(f, "\n{name:width$}  {:8.4}  {:8.4}", score.0, score.bits())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_chance_is_one_bit() {
        let score = Nats(-(0.5_f64.ln()));
        assert_eq!(score.bits(), 1.0);
        assert_eq!(score.to_string(), "0.6931 nats, 1.0000 bits per character");
    }

    #[test]
    fn a_loss_is_a_number_that_predictions_have() {
        assert_eq!(["0", "1.5"].map(str::parse), [Ok(Nats(0.0)), Ok(Nats(1.5))]);
        for text in ["-1", "NaN", "inf", "", "low"] {
            assert_eq!(text.parse::<Nats>(), Err(InvalidLoss), "{text}");
        }
    }

    #[test]
    fn a_comparison_is_a_table() {
        let name = "2-layer lstm of 256".to_owned();
        let comparison = Comparison { name, model: Nats(LN_2), baseline: Nats(10.0 * LN_2) };
        let table = "\
validation loss          nats      bits
2-layer lstm of 256    0.6931    1.0000
4-gram, Witten–Bell    6.9315   10.0000";
        assert_eq!(comparison.to_string(), table);
    }
}
