//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::commands::{
    compare::CompareArgs, eval::EvalArgs, generate::GenerateArgs, inspect::InspectArgs,
    sweep::SweepArgs, train::TrainArgs,
};
use crate::config::{self, ConfigError};

/// Trains, evaluates and compares recurrent language models, and writes text with them.
#[derive(Clone, Debug, Parser)]
#[command(name = "lm", version, args_override_self = true)]
pub struct Cli {
    /// The subcommand.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Train a model, and save the run in a folder
    #[command(allow_negative_numbers = true)]
    // so that -1 is refused as a value, not as a flag
    Train(TrainArgs),
    /// Measure a trained model on a text
    Eval(EvalArgs),
    /// Write text with a trained model
    #[command(allow_negative_numbers = true)]
    // so that -1 is refused as a value, not as a flag
    Generate(GenerateArgs),
    /// Show which unit fires where, and how far back a trained model looks
    Inspect(InspectArgs),
    /// Compare cells of equal size over several seeds
    Compare(CompareArgs),
    /// Search settings, on a grid or at random
    Sweep(SweepArgs),
}

/// A command line that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// A flag is wrong, or help is wanted.
    #[error(transparent)]
    Flags(#[from] clap::Error),
    /// The configuration file is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl Cli {
    /// Reads the arguments of the program, its name included, with the settings of the configuration file that they
    /// name. Flags override the file.
    ///
    /// # Errors
    ///
    /// If a flag is wrong, or the configuration file cannot be used.
    pub fn read(mut arguments: Vec<OsString>) -> Result<Self, UsageError> {
        let cli = Self::try_parse_from(&arguments)?;
        let Some(path) = cli.configuration() else { return Ok(cli) };
        let settings = config::arguments(&path)?.into_iter();
        let names = arguments.iter().map(|it| config::displaced_by(name_of(&it.to_string_lossy())));
        let displaced: Vec<_> = names.flatten().collect();
        let is_kept = |flag: &String| !cli.replaces(flag) && !displaced.contains(&name_of(flag));
        let settings = settings.filter(is_kept).map(OsString::from);
        arguments.splice(2..2, settings); // after the subcommand, before its flags, so that these win
        Ok(Self::try_parse_from(arguments)?)
    }

    /// Returns the configuration file that the command reads.
    fn configuration(&self) -> Option<PathBuf> {
        match &self.command {
            Command::Train(args) => args.configuration(),
            Command::Compare(args) => args.file.clone(),
            Command::Sweep(args) => args.file.clone(),
            Command::Eval(_) | Command::Generate(_) | Command::Inspect(_) => None,
        }
    }

    /// Returns whether flags of the command take the place of this flag in the configuration file.
    fn replaces(&self, flag: &str) -> bool {
        matches!(&self.command, Command::Compare(args) if args.replaces(name_of(flag)))
    }
}

/// Returns the name of a flag `--name` or `--name=value`. Of another argument, it returns nothing.
fn name_of(argument: &str) -> &str {
    let flag = argument.strip_prefix("--").unwrap_or_default();
    flag.split('=').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::config::Config;

    fn train(arguments: &[&str]) -> Result<Config, UsageError> {
        let arguments = ["lm", "train"].iter().chain(arguments).map(OsString::from);
        match Cli::read(arguments.collect())?.command {
            Command::Train(args) => Ok(args.config),
            other => panic!("train became {other:?}"),
        }
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn steps_override_the_epochs_of_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.toml");
        std::fs::write(&path, "[training]\nepochs = 3\n").expect("writable");
        let path = path.to_str().expect("UTF-8");
        let epochs = |more: &[&str]| {
            let config = train(&[&["--config", path], more].concat()).expect("they exist");
            config.training.epochs
        };
        assert_eq!(epochs(&[]), Some(3));
        assert_eq!(epochs(&["--steps", "9"]), None);
        assert_eq!(epochs(&["--steps=9"]), None);
        assert_eq!(epochs(&["--steps=9", "--epochs=2"]), Some(2));
    }

    #[test]
    fn flags_override_the_file_and_the_file_overrides_defaults() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("small.toml");
        let text = "[text]\ntext = [\"a\", \"b\"]\n\n[model]\nhidden_size = 32\ncutoffs = [5, 7]\ntied = true\n\n[training]\nclip = 0.5\n";
        std::fs::write(&path, text).expect("written");
        let file = path.to_str().expect("UTF-8");

        let config = train(&["--config", file, "--tied=false", "--clip", "2"]).expect("valid");
        assert_eq!((config.model.hidden_size, config.model.cutoffs), (32, vec![5, 7]));
        assert_eq!((config.model.tied, config.training.clip), (false, 2.0));
        assert_eq!(config.model.layers, 2, "the default");
        assert_eq!(config.text.text, ["a", "b"].map(PathBuf::from));
        let config = train(&["--config", file, "--cutoffs", "9", "--text", "c"]).expect("valid");
        assert_eq!(
            (config.model.tied, config.model.cutoffs),
            (true, vec![9]),
            "lists do not add up"
        );
        assert_eq!(config.text.text, [PathBuf::from("c")]);
    }

    #[test]
    fn a_value_without_meaning_is_refused_with_its_flag() {
        for (flag, value) in [
            ("--hidden-size", "0"),
            ("--dropout", "1"),
            ("--learning-rate", "-1"),
            ("--clip", "inf"),
            ("--cell", "lstmm"),
            ("--steps", "1.5"),
            ("--seed", "9223372036854775808"),
            ("--text", "-1"), // a configuration would take it for a flag
        ] {
            let flag_and_value = format!("{flag}={value}");
            let message = train(&[&flag_and_value]).expect_err(flag).to_string();
            assert!(message.contains(flag) && message.contains(value), "{message}");
        }
    }
}
