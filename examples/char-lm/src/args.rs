//! The command line.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use lm::commands::shared::{MachineArgs, SamplingArgs};
use lm::config::rules::{at_least_one, positive, rate};
use lm::text::{TextSettings, repository};

/// Trains a character language model on text, judges it, and lets it write.
///
/// Without arguments it trains on the source text of the repository it was built from.
#[derive(Debug, Parser)]
#[command(name = "char-lm", version, args_conflicts_with_subcommands = true)]
#[command(allow_negative_numbers = true)] // so that -1 is refused as a value, not as a flag
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// The flags without a subcommand.
    #[command(flatten)]
    pub(crate) train: TrainArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a model and save its best weights (the default)
    #[command(allow_negative_numbers = true)]
    Train(TrainArgs),
    /// Measure a saved model on the validation part of a text
    Eval(EvalArgs),
    /// Let a saved model write
    #[command(allow_negative_numbers = true)]
    Generate(GenerateArgs),
}

#[derive(Args, Debug)]
pub(crate) struct TrainArgs {
    #[command(flatten)]
    pub(crate) text: TextArgs,
    #[command(flatten)]
    pub(crate) settings: Settings,
    /// Steps in all, those before a --resume included [default: 1500, or as before]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(crate) steps: Option<usize>,
    /// Stop after this time even if steps are left, as if by Ctrl-C but with a last measurement
    #[arg(long, value_name = "MINUTES", value_parser = positive)]
    pub(crate) minutes: Option<f64>,
    /// Steps between two measurements on the validation text [default: 150, or as before]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(crate) validate_every: Option<usize>,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    /// Where to save the best weights; the run itself is saved beside them
    #[arg(long, value_name = "FILE", default_value_os_t = weights(), value_parser = saveable)]
    pub(crate) out: PathBuf,
    /// Record the training in this folder: report.html with warnings, JSON lines, and events for TensorBoard
    #[arg(long, value_name = "FOLDER")]
    pub(crate) report: Option<PathBuf>,
    /// Continue the run that saved to --out, with its settings, as if it had never stopped
    #[arg(long, conflicts_with = "Settings")]
    pub(crate) resume: bool,
}

#[derive(Args, Debug)]
pub(crate) struct EvalArgs {
    #[command(flatten)]
    pub(crate) text: TextArgs,
    /// The saved model
    #[arg(long, value_name = "FILE", default_value_os_t = weights())]
    pub(crate) weights: PathBuf,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
}

#[derive(Args, Debug)]
pub(crate) struct GenerateArgs {
    /// The saved model
    #[arg(long, value_name = "FILE", default_value_os_t = weights())]
    pub(crate) weights: PathBuf,
    /// Text to continue [default: a new line, or the model's first character if it knows none]
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) prime: Option<String>,
    /// Characters to write
    #[arg(long, value_name = "N", default_value = "500", value_parser = at_least_one)]
    pub(crate) length: usize,
    #[command(flatten)]
    pub(crate) sampling: SamplingArgs,
}

#[derive(Args, Debug)]
pub(crate) struct TextArgs {
    /// Text in UTF-8 [default: the .rs and .md files of the repository]
    #[arg(long = "text", value_name = "FILE", num_args = 1..)]
    files: Vec<PathBuf>,
}

impl TextArgs {
    /// Returns the settings of this text: tokens are characters, and the last tenth of each file is for validation.
    pub(crate) fn settings(&self) -> TextSettings {
        TextSettings { text: self.files.clone(), ..TextSettings::default() }
    }
}

/// The model and how it learns. Files store the settings as flags, so that the rule for each value stands once.
#[derive(Args, Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    /// Kind of recurrent cell
    #[arg(long, value_enum, default_value_t = CellKind::Lstm)]
    pub(crate) cell: CellKind,
    /// Recurrent layers
    #[arg(long, value_name = "N", default_value = "2", value_parser = at_least_one)]
    pub(crate) layers: usize,
    /// Units in each recurrent layer
    #[arg(long, value_name = "N", default_value = "128", value_parser = at_least_one)]
    pub(crate) hidden: usize,
    /// Size of a character's embedding
    #[arg(long, value_name = "N", default_value = "64", value_parser = at_least_one)]
    pub(crate) embedding: usize,
    /// Sequences side by side
    #[arg(long, value_name = "N", default_value = "32", value_parser = at_least_one)]
    pub(crate) batch: usize,
    /// Steps that the gradient flows back through
    #[arg(long, value_name = "N", default_value = "64", value_parser = at_least_one)]
    pub(crate) window: usize,
    /// Learning rate at its highest: it rises over the first steps, then falls to a tenth
    #[arg(long, value_name = "RATE", default_value = "0.006", value_parser = positive)]
    pub(crate) learning_rate: f64,
    /// Largest norm of the gradient
    #[arg(long, value_name = "NORM", default_value = "1", value_parser = positive)]
    pub(crate) clip: f64,
    /// Probability with which a layer's output is dropped
    #[arg(long, value_name = "P", default_value = "0", value_parser = rate)]
    pub(crate) dropout: f64,
    /// Seed of the initial weights and of dropout
    #[arg(long, default_value = "1")]
    pub(crate) seed: u64,
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cell, layers, hidden, embedding, batch, window, .. } = self;
        let Self { learning_rate, clip, dropout, seed, .. } = self;
        write!(f, "--cell {cell} --layers {layers} --hidden {hidden} --embedding {embedding} ")?;
        write!(f, "--batch {batch} --window {window} --learning-rate {learning_rate} ")?;
        write!(f, "--clip {clip} --dropout {dropout} --seed {seed}")
    }
}

impl FromStr for Settings {
    type Err = clap::Error;

    fn from_str(text: &str) -> Result<Self, clap::Error> {
        #[derive(Parser)]
        #[command(no_binary_name = true, disable_help_flag = true)]
        struct Flags {
            #[command(flatten)]
            settings: Settings,
        }
        Flags::try_parse_from(text.split_whitespace()).map(|flags| flags.settings)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum CellKind {
    /// Long short-term memory
    Lstm,
    /// Gated recurrent unit
    Gru,
    /// Elman's simple recurrent net
    Elman,
}

impl fmt::Display for CellKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format!("{self:?}").to_lowercase())
    }
}

/// Returns `target/char-lm/model.safetensors` of the repository, which version control ignores.
fn weights() -> PathBuf {
    repository().join("target/char-lm/model.safetensors")
}

/// Parses the path of a file to save to. Its ending distinguishes it from the checkpoint beside it.
fn saveable(text: &str) -> Result<PathBuf, String> {
    if text.ends_with(".safetensors") && !text.ends_with(".checkpoint.safetensors") {
        return Ok(text.into());
    }
    Err("it must end in .safetensors, and not in .checkpoint.safetensors".to_owned())
}
