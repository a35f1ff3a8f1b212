//! `lm eval`

use std::fmt;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::shared::{MachineArgs, last_run};
use crate::config::rules::{at_least_one, at_least_zero, positive};
use crate::error::Error;
use crate::evaluation::{Dynamic, Score, score};
use crate::terminal::memory;
use crate::text::{Corpus, Part, Streams, TextSettings};
use crate::training::Saved;

/// The windows of training text over which dynamic evaluation takes the squares of gradients.
const STATISTICS: usize = 500;

/// Flags of `eval`.
#[derive(Args, Clone, Debug)]
pub struct EvalArgs {
    /// Folder of a run, or a file of weights [default: the last of target/lm/run-N]
    #[arg(long, value_name = "PATH")]
    pub run: Option<PathBuf>,

    /// Text to measure, whole [default: a part of the text of the run]
    #[arg(long, value_name = "FILE")]
    pub text: Option<PathBuf>,

    /// Part of the run's text to measure
    #[arg(long, value_enum, default_value_t = PartName::Validation, conflicts_with = "text")]
    pub part: PartName,

    /// Sequences side by side. With 1, each token is predicted from all before it
    #[arg(long, value_name = "N", default_value = "1", value_parser = at_least_one)]
    pub batch_size: usize,

    /// Tokens that are read at once; the result does not depend on it, unless the evaluation is dynamic
    #[arg(long, value_name = "N", default_value = "128", value_parser = at_least_one)]
    pub window: usize,

    /// Let the model learn from each window once it has been scored (Krause et al. 2018)
    #[arg(long)]
    pub dynamic: bool,

    /// Learning rate of --dynamic
    #[arg(long, value_name = "ETA", default_value = "0.002", value_parser = positive, requires = "dynamic")]
    pub dynamic_rate: f64,

    /// Pull of --dynamic back to the trained weights
    #[arg(long, value_name = "LAMBDA", default_value = "0.02", value_parser = at_least_zero, requires = "dynamic")]
    pub dynamic_decay: f64,

    /// The machine.
    #[command(flatten)]
    pub machine: MachineArgs,
}

/// The parts of a text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum PartName {
    /// What the model has learned from
    Train,
    /// What chose the best weights
    Validation,
    /// What nothing has seen
    Test,
}

impl PartName {
    /// Returns this part of a corpus.
    ///
    /// # Errors
    ///
    /// If there is no such part.
    pub fn of(self, corpus: &Corpus) -> Result<&Part, Error> {
        match self {
            Self::Train => Ok(&corpus.train),
            Self::Validation => Ok(&corpus.validation),
            Self::Test => corpus.test.as_ref().ok_or(Error::NoTest),
        }
    }
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Train => "training text",
            Self::Validation => "validation text",
            Self::Test => "test text",
        })
    }
}

/// Measures a model.
///
/// # Errors
///
/// If the model or the text cannot be used.
pub fn eval(args: &EvalArgs, out: &mut (impl Write + Send)) -> Result<(), Error> {
    args.machine.start_threads()?;
    rayon::scope(|_| run(args, out))
}

fn run(args: &EvalArgs, out: &mut impl Write) -> Result<(), Error> {
    let saved = Saved::load(&args.run.clone().unwrap_or_else(last_run))?;
    let text = match &args.text {
        Some(file) => TextSettings { validation: Some(file.clone()), ..TextSettings::default() },
        None => saved.config.text.clone(),
    };
    let corpus = Corpus::open_with(&text, &saved.vocabulary, &args.machine.store)?;
    let part = args.part.of(&corpus)?;
    memory::expect(saved.config.memory(saved.vocabulary.len()))?;
    let mut model = saved.model()?;
    let streams = Streams::at_most(&part.tokens, args.batch_size, args.window)?;
    let score = if args.dynamic {
        let rule = Dynamic { learning_rate: args.dynamic_rate, decay: args.dynamic_decay };
        let training = Streams::at_most(&corpus.train.tokens, args.batch_size, args.window)?;
        let windows = training.windows(args.window).take(STATISTICS);
        rule.score(&mut model, part, &streams, args.window, windows)
    } else {
        score(&model, part, &streams, args.window)
    };
    report(&saved, part, &score, out)
}

/// Writes what the score says of the text.
fn report(saved: &Saved, part: &Part, score: &Score, out: &mut impl Write) -> Result<(), Error> {
    writeln!(out, "model                {}, step {}", saved.config.model.name(), saved.step)?;
    writeln!(out, "tokens               {} of {}", score.tokens, part.tokens.len())?;
    writeln!(out, "nats per token       {:.4}", score.nats)?;
    writeln!(out, "perplexity           {:.4}", score.perplexity())?;
    writeln!(out, "bits per character   {:.4}", score.bits_per_character())?;
    Ok(writeln!(out, "perplexity per word  {:.4}", score.perplexity_per_word())?)
}
