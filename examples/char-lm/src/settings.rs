//! The settings of a run, and the rules for their numbers, on the command line and in files.

use std::fmt;
use std::num::ParseIntError;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

/// The plan of a training run. Together with the text it determines the run: the same plan gives the same model.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Plan {
    /// The model and how it learns.
    pub settings: Settings,
    /// The total number of steps, over which the schedule of the learning rate extends.
    pub steps: usize,
    /// Steps between two measurements on the validation text.
    pub validate_every: usize,
}

impl Plan {
    /// Checks a plan from elsewhere against the rules of the flags.
    ///
    /// # Errors
    ///
    /// The error names the first number that breaks a rule.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        self.settings.check()?;
        AT_LEAST_ONE.check("steps", self.steps)?;
        AT_LEAST_ONE.check("validate_every", self.validate_every)
    }
}

/// The model and how it learns.
#[derive(Args, Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Settings {
    /// Kind of recurrent cell
    #[arg(long, value_enum, default_value_t = CellKind::Lstm)]
    pub cell: CellKind,

    /// Recurrent layers
    #[arg(long, value_name = "N", default_value = "2", value_parser = at_least_one)]
    pub layers: usize,

    /// Units in each recurrent layer
    #[arg(long, value_name = "N", default_value = "128", value_parser = at_least_one)]
    pub hidden: usize,

    /// Size of a character's embedding
    #[arg(long, value_name = "N", default_value = "64", value_parser = at_least_one)]
    pub embedding: usize,

    /// Sequences side by side
    #[arg(long, value_name = "N", default_value = "32", value_parser = at_least_one)]
    pub batch: usize,

    /// Steps that the gradient flows back through
    #[arg(long, value_name = "N", default_value = "64", value_parser = at_least_one)]
    pub window: usize,

    /// Learning rate at its highest: it rises over the first steps, then falls to a tenth
    #[arg(long, value_name = "RATE", default_value = "0.006", value_parser = positive)]
    pub learning_rate: f64,

    /// Largest norm of the gradient
    #[arg(long, value_name = "NORM", default_value = "1", value_parser = positive)]
    pub clip: f64,

    /// Probability with which a layer's output is dropped
    #[arg(long, value_name = "P", default_value = "0", value_parser = dropout)]
    pub dropout: f64,

    /// Seed of the initial weights and of dropout
    #[arg(long, default_value = "1")]
    pub seed: u64,
}

impl Settings {
    /// Checks settings from elsewhere against the rules of the flags.
    ///
    /// # Errors
    ///
    /// The error names the first setting that breaks a rule.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        AT_LEAST_ONE.check("layers", self.layers)?;
        AT_LEAST_ONE.check("hidden", self.hidden)?;
        AT_LEAST_ONE.check("embedding", self.embedding)?;
        AT_LEAST_ONE.check("batch", self.batch)?;
        AT_LEAST_ONE.check("window", self.window)?;
        POSITIVE.check("learning_rate", self.learning_rate)?;
        POSITIVE.check("clip", self.clip)?;
        DROPOUT.check("dropout", self.dropout)
    }
}

/// The error of an invalid setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{setting}` is {value}: {rule}")]
pub struct InvalidSetting {
    /// The name of the setting.
    pub setting: &'static str,
    /// The value of the setting.
    pub value: String,
    /// The rule that the value breaks.
    pub rule: &'static str,
}

/// A recurrent cell by name.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum CellKind {
    /// Long short-term memory
    Lstm,
    /// Gated recurrent unit
    Gru,
    /// Elman's simple recurrent net
    Elman,
}

impl fmt::Display for CellKind {
    /// The name that `--cell` takes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lstm => "lstm",
            Self::Gru => "gru",
            Self::Elman => "elman",
        })
    }
}

/// A rule for a number, on the command line and in files.
struct Rule<T> {
    holds: fn(T) -> bool,
    text: &'static str,
}

const AT_LEAST_ONE: Rule<usize> =
    Rule { holds: |number| number > 0, text: "it must be at least 1" };

/// More threads than any machine has cores. A larger number is a typing error, and would start all of them.
const THREADS: Rule<usize> =
    Rule { holds: |number| (1..=1024).contains(&number), text: "it must be from 1 to 1024" };

const POSITIVE: Rule<f64> = Rule {
    holds: |number| number > 0.0 && number.is_finite(),
    text: "it must be above 0 and finite",
};

const AT_LEAST_ZERO: Rule<f64> = Rule {
    holds: |number| number >= 0.0 && number.is_finite(),
    text: "it must be at least 0 and finite",
};

const SHARE: Rule<f64> = Rule {
    holds: |number| number > 0.0 && number <= 1.0,
    text: "it must be above 0 and at most 1",
};

const DROPOUT: Rule<f64> = Rule {
    holds: |number| (0.0..1.0).contains(&number),
    text: "it must be at least 0 and below 1",
};

impl<T: Copy + fmt::Display> Rule<T> {
    fn check(&self, setting: &'static str, value: T) -> Result<(), InvalidSetting> {
        if (self.holds)(value) {
            Ok(())
        } else {
            Err(InvalidSetting { setting, value: value.to_string(), rule: self.text })
        }
    }

    /// Returns the value of a flag, if the rule holds.
    fn admit(&self, value: T) -> Result<T, String> {
        if (self.holds)(value) { Ok(value) } else { Err(self.text.to_owned()) }
    }
}

pub(crate) fn at_least_one(text: &str) -> Result<usize, String> {
    AT_LEAST_ONE.admit(text.parse().map_err(|error: ParseIntError| error.to_string())?)
}

pub(crate) fn threads(text: &str) -> Result<usize, String> {
    THREADS.admit(text.parse().map_err(|error: ParseIntError| error.to_string())?)
}

pub(crate) fn positive(text: &str) -> Result<f64, String> {
    number(text, &POSITIVE)
}

pub(crate) fn at_least_zero(text: &str) -> Result<f64, String> {
    number(text, &AT_LEAST_ZERO)
}

pub(crate) fn share(text: &str) -> Result<f64, String> {
    number(text, &SHARE)
}

pub(crate) fn dropout(text: &str) -> Result<f64, String> {
    number(text, &DROPOUT)
}

fn number(text: &str, rule: &Rule<f64>) -> Result<f64, String> {
    rule.admit(text.parse().map_err(|_| format!("not a number; {}", rule.text))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let settings = Settings {
            cell: CellKind::Elman,
            layers: 2,
            hidden: 128,
            embedding: 64,
            batch: 32,
            window: 64,
            learning_rate: 0.006,
            clip: 1.0,
            dropout: 0.25,
            seed: 1,
        };
        Plan { settings, steps: 1500, validate_every: 150 }
    }

    #[test]
    fn a_plan_from_elsewhere_keeps_the_same_rules() {
        type Change = fn(&mut Plan);
        let plan = plan();
        assert_eq!(plan.check(), Ok(()));
        let cases: [(&str, Change); 14] = [
            ("`layers` is 0: it must be at least 1", |plan| plan.settings.layers = 0),
            ("`hidden` is 0: ", |plan| plan.settings.hidden = 0),
            ("`embedding` is 0: ", |plan| plan.settings.embedding = 0),
            ("`batch` is 0: ", |plan| plan.settings.batch = 0),
            ("`window` is 0: ", |plan| plan.settings.window = 0),
            ("`learning_rate` is 0: it must be above", |plan| plan.settings.learning_rate = 0.0),
            ("`learning_rate` is inf: ", |plan| plan.settings.learning_rate = f64::INFINITY),
            ("`clip` is -1: ", |plan| plan.settings.clip = -1.0),
            ("`clip` is NaN: ", |plan| plan.settings.clip = f64::NAN),
            ("`dropout` is 1: it must be at least 0", |plan| plan.settings.dropout = 1.0),
            ("`dropout` is 2: ", |plan| plan.settings.dropout = 2.0),
            ("`dropout` is -0.1: ", |plan| plan.settings.dropout = -0.1),
            ("`steps` is 0: ", |plan| plan.steps = 0),
            ("`validate_every` is 0: ", |plan| plan.validate_every = 0),
        ];
        for (expected, change) in cases {
            let mut plan = plan.clone();
            change(&mut plan);
            let message = plan.check().expect_err(expected).to_string();
            assert!(message.starts_with(expected), "{message}");
        }
    }

    #[test]
    fn a_plan_survives_json_to_the_last_bit() {
        let mut plan = plan();
        plan.settings.learning_rate = 0.1_f64.powi(3) / 3.0;
        let text = serde_json::to_string(&plan).expect("plain data");
        assert_eq!(serde_json::from_str::<Plan>(&text).expect("its own text"), plan);
    }
}
