//! The command line. A value without meaning is refused here, with the flag's name.

use std::path::{Path, PathBuf};

use bptt::decode::Sampling;
use clap::{Args, Parser, Subcommand};

use crate::corpus::repository;
use crate::settings::{Plan, Settings, at_least_one, at_least_zero, positive, share, threads};

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
    /// Returns the subcommand, or `train` if none is given.
    #[must_use]
    pub fn into_command(self) -> Command {
        self.command.unwrap_or(Command::Train(self.train))
    }
}

/// The subcommands.
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
    /// Returns the plan of a new run.
    #[must_use]
    pub fn plan(&self) -> Plan {
        Plan {
            settings: self.settings.clone(),
            steps: self.steps.unwrap_or(1500),
            validate_every: self.validate_every.unwrap_or(150),
        }
    }

    /// Returns the flags that continue this run.
    #[must_use]
    pub fn flags_to_resume(&self) -> String {
        let mut flags = "--resume".to_owned();
        if self.out != default_weights() {
            flags += &format!(" --out {}", quoted(&self.out));
        }
        if !self.text.files.is_empty() {
            flags += " --text";
            self.text.files.iter().for_each(|file| flags += &format!(" {}", quoted(file)));
        }
        flags
    }

    /// Returns the plan of a resumed run whose plan was `before`. Its settings stay.
    #[must_use]
    pub fn plan_after(&self, before: Plan) -> Plan {
        Plan {
            steps: self.steps.unwrap_or(before.steps),
            validate_every: self.validate_every.unwrap_or(before.validate_every),
            ..before
        }
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
    /// Returns how characters are drawn.
    #[must_use]
    pub fn sampling(&self) -> Sampling {
        let sampling = Sampling::new().temperature(self.temperature);
        let sampling = self.top_k.map_or(sampling, |k| sampling.top_k(k));
        self.top_p.map_or(sampling, |p| sampling.top_p(p))
    }
}

/// The flags that choose the text.
#[derive(Args, Clone, Debug, PartialEq)]
pub struct TextArgs {
    /// Text in UTF-8 [default: the .rs and .md files of the repository]
    #[arg(long = "text", value_name = "FILE", num_args = 1..)]
    pub files: Vec<PathBuf>,
}

/// Returns `target/char-lm/model.safetensors` of the repository, which version control ignores.
fn default_weights() -> PathBuf {
    repository().join("target/char-lm/model.safetensors")
}

/// Returns a path, quoted as one word of a shell command.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,:@%".contains(c);
    if path.chars().all(is_plain) { path } else { format!("'{}'", path.replace('\'', "'\\''")) }
}

/// Parses the path of a file to save to. Its ending distinguishes it from the checkpoint beside it.
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::settings::CellKind;

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
    fn the_flags_that_resume_a_run_name_its_text_and_place() {
        assert_eq!(train("--steps 9").flags_to_resume(), "--resume");
        let flags = "--resume --out x.safetensors --text a.txt b.txt";
        assert_eq!(train(&format!("--steps 9 {flags}")).flags_to_resume(), flags);
        let mut args = train("");
        args.text.files = vec![PathBuf::from("it's mine")];
        assert_eq!(args.flags_to_resume(), r"--resume --text 'it'\''s mine'");
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
}
