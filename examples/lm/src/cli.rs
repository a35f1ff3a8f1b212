//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::commands::{
    eval::EvalArgs, generate::GenerateArgs, inspect::InspectArgs, train::TrainArgs,
};
use crate::config::{self, ConfigError};

/// Trains recurrent language models, evaluates them, and lets them write.
#[derive(Clone, Debug, Parser)]
#[command(name = "lm", version, args_override_self = true)]
#[command(allow_negative_numbers = true)] // so that -1 is refused as a value, not as a flag
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Train a model, into the folder of a run
    Train(TrainArgs),
    /// Measure a trained model on a text
    Eval(EvalArgs),
    /// Let a trained model write
    Generate(GenerateArgs),
    /// Show which unit fires where, and how far back a trained model looks
    Inspect(InspectArgs),
}

impl Cli {
    /// Reads the command line, with the settings of the configuration file that it names.
    ///
    /// Wrong usage ends the program with a message and the status 2, as `clap` does.
    ///
    /// # Errors
    ///
    /// If the configuration file cannot be used.
    pub fn read() -> Result<Self, ConfigError> {
        let cli = Self::parse();
        let Some(path) = cli.configuration() else { return Ok(cli) };
        // flags of the command line come later, so that they win
        let mut arguments: Vec<_> = std::env::args_os().collect();
        let settings = config::arguments(&path)?.into_iter().map(Into::into);
        arguments.splice(2..2, settings);
        Ok(Self::parse_from(arguments))
    }

    /// Returns the configuration file that the command reads.
    fn configuration(&self) -> Option<PathBuf> {
        match &self.command {
            Command::Train(args) => args.configuration(),
            Command::Eval(_) | Command::Generate(_) | Command::Inspect(_) => None,
        }
    }
}
