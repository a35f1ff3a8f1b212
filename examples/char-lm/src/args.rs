//! The command line. A value that makes no sense is refused here, with the flag's name.

use std::fmt;
use std::num::ParseIntError;
use std::path::PathBuf;

use bptt::decode::Sampling;
use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::corpus::repository;

/// Trains a character language model on text, judges it, and lets it write.
///
/// Without arguments it trains on the source text of the repository it was built from.
#[derive(Clone, Debug, Parser)]
#[command(name = "char-lm", version, args_conflicts_with_subcommands = true)]
#[command(allow_negative_numbers = true)] // so that -1 is refused as a value, not as a flag
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    train: TrainArgs,
}

impl Cli {
    /// What to do; to train if no subcommand is given.
    #[must_use]
    pub fn into_command(self) -> Command {
        self.command.unwrap_or(Command::Train(self.train))
    }
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub enum Command {
    /// Train a model and save its best weights (the default)
    #[command(allow_negative_numbers = true)]
    Train(TrainArgs),
    /// Measure a saved model on the validation part of a text
    Eval(EvalArgs),
    /// Let a saved model write
    #[command(allow_negative_numbers = true)]
    Generate(GenerateArgs),
}

/// Flags of `train`.
#[derive(Args, Clone, Debug, PartialEq)]
pub struct TrainArgs {
    /// The text.
    #[command(flatten)]
    pub text: TextArgs,

    /// The model and how it learns.
    #[command(flatten)]
    pub settings: Settings,

    /// Steps in all, those before a --resume included [default: 1500, or as before]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub steps: Option<usize>,

    /// Stop after this time even if steps are left, as if by Ctrl-C but with a last measurement
    #[arg(long, value_name = "MINUTES", value_parser = positive)]
    pub minutes: Option<f64>,

    /// Steps between two measurements on the validation text [default: 150, or as before]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub validate_every: Option<usize>,

    /// Threads to compute with [default: one for each core]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,

    /// Where to save the best weights; the run itself is saved beside them
    #[arg(long, value_name = "FILE", default_value_os_t = default_weights(), value_parser = weights)]
    pub out: PathBuf,

    /// Continue the run that saved to --out, with its settings, as if it had never stopped
    #[arg(long, conflicts_with_all = [
        "cell", "layers", "hidden", "embedding", "batch", "window", "learning_rate", "clip",
        "dropout", "seed",
    ])]
    pub resume: bool,
}

impl TrainArgs {
    /// What a new run is to do.
    #[must_use]
    pub fn plan(&self) -> Plan {
        Plan {
            settings: self.settings.clone(),
            steps: self.steps.unwrap_or(1500),
            validate_every: self.validate_every.unwrap_or(150),
        }
    }

    /// What is left to do of a run that planned `before`, whose settings stay.
    #[must_use]
    pub fn plan_after(&self, before: Plan) -> Plan {
        Plan {
            steps: self.steps.unwrap_or(before.steps),
            validate_every: self.validate_every.unwrap_or(before.validate_every),
            ..before
        }
    }
}

/// What determines a training run, together with its text: the same plan gives the same model.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Plan {
    /// The model and how it learns.
    pub settings: Settings,
    /// Steps in all. The learning rate's schedule spans them.
    pub steps: usize,
    /// Steps between two measurements on the validation text.
    pub validate_every: usize,
}

impl Plan {
    /// Holds a plan from elsewhere to the rules of the flags.
    ///
    /// # Errors
    ///
    /// Names the first number that breaks one.
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
    /// Holds settings from elsewhere to the rules of the flags.
    ///
    /// # Errors
    ///
    /// Names the first that breaks one.
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

/// A setting without meaning.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{setting}` is {value}: {rule}")]
pub struct InvalidSetting {
    /// Which one.
    pub setting: &'static str,
    /// What it is.
    pub value: String,
    /// What it must be.
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

/// Flags of `eval`.
#[derive(Args, Clone, Debug, PartialEq)]
pub struct EvalArgs {
    /// The text.
    #[command(flatten)]
    pub text: TextArgs,

    /// The saved model
    #[arg(long, value_name = "FILE", default_value_os_t = default_weights())]
    pub weights: PathBuf,

    /// Threads to compute with [default: one for each core]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
}

/// Flags of `generate`.
#[derive(Args, Clone, Debug, PartialEq)]
pub struct GenerateArgs {
    /// The saved model
    #[arg(long, value_name = "FILE", default_value_os_t = default_weights())]
    pub weights: PathBuf,

    /// Text to continue [default: a new line, or the model's first character if it knows none]
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub prime: Option<String>,

    /// Characters to write
    #[arg(long, value_name = "N", default_value = "500", value_parser = at_least_one)]
    pub length: usize,

    /// Temperature of the draws: 0 takes the most probable character, 1 draws from the model's probabilities
    #[arg(long, default_value = "0.8", value_parser = at_least_zero)]
    pub temperature: f64,

    /// Draw only among this many most probable characters [default: all]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub top_k: Option<usize>,

    /// Draw only among the most probable characters that together have this probability [default: all]
    #[arg(long, value_name = "P", value_parser = share)]
    pub top_p: Option<f64>,

    /// Seed of the draws
    #[arg(long, default_value = "1")]
    pub seed: u64,
}

impl GenerateArgs {
    /// How characters are drawn.
    #[must_use]
    pub fn sampling(&self) -> Sampling {
        let sampling = Sampling::new().temperature(self.temperature);
        let sampling = self.top_k.map_or(sampling, |k| sampling.top_k(k));
        self.top_p.map_or(sampling, |p| sampling.top_p(p))
    }
}

/// Which text to use.
#[derive(Args, Clone, Debug, PartialEq)]
pub struct TextArgs {
    /// Text in UTF-8 [default: the .rs and .md files of the repository]
    #[arg(long = "text", value_name = "FILE", num_args = 1..)]
    pub files: Vec<PathBuf>,
}

/// `target/char-lm/model.safetensors` of the repository: out of version control's sight.
fn default_weights() -> PathBuf {
    repository().join("target/char-lm/model.safetensors")
}

/// What numbers have a meaning, on the command line as in a file.
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

    /// A flag's value, if the rule holds.
    fn admit(&self, value: T) -> Result<T, String> {
        if (self.holds)(value) { Ok(value) } else { Err(self.text.to_owned()) }
    }
}

/// A file to save to: its ending marks it off from the checkpoint beside it.
fn weights(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.extension().is_none_or(|extension| extension != "safetensors") {
        return Err(format!("it must end in .safetensors, as in {text}.safetensors"));
    }
    if path.with_extension("").extension().is_some_and(|name| name == "checkpoint") {
        let told = "it is the name of a checkpoint; give the name of the weights beside it";
        return Err(told.to_owned());
    }
    Ok(path)
}

fn at_least_one(text: &str) -> Result<usize, String> {
    AT_LEAST_ONE.admit(text.parse().map_err(|error: ParseIntError| error.to_string())?)
}

fn threads(text: &str) -> Result<usize, String> {
    THREADS.admit(text.parse().map_err(|error: ParseIntError| error.to_string())?)
}

fn positive(text: &str) -> Result<f64, String> {
    number(text, &POSITIVE)
}

fn at_least_zero(text: &str) -> Result<f64, String> {
    number(text, &AT_LEAST_ZERO)
}

fn share(text: &str) -> Result<f64, String> {
    number(text, &SHARE)
}

fn dropout(text: &str) -> Result<f64, String> {
    number(text, &DROPOUT)
}

fn number(text: &str, rule: &Rule<f64>) -> Result<f64, String> {
    rule.admit(text.parse().map_err(|_| format!("not a number; {}", rule.text))?)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Command, String> {
        let words = std::iter::once("char-lm").chain(line.split_whitespace());
        Cli::try_parse_from(words).map(Cli::into_command).map_err(|error| error.to_string())
    }

    fn train(line: &str) -> TrainArgs {
        match parse(line) {
            Ok(Command::Train(args)) => args,
            other => panic!("`{line}` gave {other:?}"),
        }
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn training_needs_no_subcommand() {
        assert_eq!(train(""), train("train"));
        let flags = "--steps 100 --text a b --cell gru --learning-rate 1e-3 --minutes 0.5";
        let args = train(flags);
        assert_eq!(args, train(&format!("train {flags}")));
        assert_eq!((args.steps, args.minutes), (Some(100), Some(0.5)));
        assert_eq!(args.text.files, [PathBuf::from("a"), PathBuf::from("b")]);
        assert_eq!((args.settings.cell, args.settings.learning_rate), (CellKind::Gru, 0.001));
        assert!(parse("--steps 100 eval").is_err(), "a training flag that eval would ignore");
    }

    #[test]
    fn the_default_weights_are_those_of_training() {
        let out = train("").out;
        assert!(out.ends_with("target/char-lm/model.safetensors"));
        assert!(matches!(parse("eval"), Ok(Command::Eval(args)) if args.weights == out));
        assert!(matches!(parse("generate"), Ok(Command::Generate(args)) if args.weights == out));
    }

    #[test]
    fn a_resumed_run_keeps_its_settings() {
        assert!(
            train("--resume --steps 9 --out x.safetensors --text a --threads 1 --validate-every 3")
                .resume
        );
        let command = Cli::command();
        let settings = command.get_groups().find(|group| group.get_id() == "Settings");
        for id in settings.expect("the group of the struct's name").get_args() {
            let flag = id.as_str().replace('_', "-");
            let value = match flag.as_str() {
                "cell" => "gru",
                "dropout" => "0",
                _ => "1",
            };
            let message = parse(&format!("--resume --{flag} {value}")).expect_err(&flag);
            assert!(message.contains("cannot be used with"), "{flag}: {message}");
        }
    }

    #[test]
    fn a_resumed_run_keeps_its_plan_unless_told_otherwise() {
        let before = train("--hidden 9 --steps 7 --validate-every 3").plan();
        assert_eq!(train("--resume").plan_after(before.clone()), before);
        let longer = train("--resume --steps 8").plan_after(before.clone());
        assert_eq!(longer, Plan { steps: 8, ..before });
    }

    #[test]
    fn values_without_meaning_are_refused() {
        let cases = [
            ("--hidden 0", "at least 1"),
            ("--layers 0", "at least 1"),
            ("--embedding 0", "at least 1"),
            ("--batch 0", "at least 1"),
            ("--batch -1", "--batch"),
            ("--window 0", "at least 1"),
            ("--steps 0", "at least 1"),
            ("--steps many", "invalid digit"),
            ("--validate-every 0", "at least 1"),
            ("--threads 0", "from 1 to 1024"),
            ("--threads 18446744073709551615", "from 1 to 1024"),
            ("eval --threads 1025", "from 1 to 1024"),
            ("--learning-rate 0", "above 0"),
            ("--learning-rate NaN", "above 0"),
            ("--learning-rate fast", "not a number"),
            ("--clip inf", "finite"),
            ("--minutes 0", "above 0"),
            ("--dropout 1", "below 1"),
            ("--dropout -0.1", "at least 0"),
            ("--dropout nan", "below 1"),
            ("--cell rnn", "lstm, gru, elman"),
            ("--text", "value is required"),
            ("--out model", "must end in .safetensors"),
            ("--out model.checkpoint.safetensors", "name of a checkpoint"),
            ("train --clip -1", "above 0"),
            ("generate --temperature -1", "at least 0"),
            ("generate --temperature nan", "at least 0"),
            ("generate --top-p 0", "above 0"),
            ("generate --top-p 1.1", "at most 1"),
            ("generate --top-k 0", "at least 1"),
            ("generate --length 0", "at least 1"),
            ("generate --prime=", "--prime"),
            ("generate --seed -1", "--seed"),
        ];
        for (line, reason) in cases {
            let message = parse(line).expect_err(line);
            assert!(message.contains(reason), "`{line}` should say \"{reason}\": {message}");
        }
    }

    #[test]
    fn a_plan_from_elsewhere_keeps_the_same_rules() {
        type Change = fn(&mut Plan);
        let plan = train("").plan();
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
        let mut plan = train("--cell elman --dropout 0.25").plan();
        plan.settings.learning_rate = 0.1_f64.powi(3) / 3.0;
        let text = serde_json::to_string(&plan).expect("plain data");
        assert_eq!(serde_json::from_str::<Plan>(&text).expect("its own text"), plan);
    }
}
