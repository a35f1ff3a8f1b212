//! `lm eval`

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::shared::{MachineArgs, last_run};
use crate::baselines::ContinuousCache;
use crate::config::rules::{at_least_one, at_least_zero, positive, rate};
use crate::error::Error;
use crate::evaluation::{Dynamic, Score, floor, score, surprisals, words};
use crate::model::LanguageModel;
use crate::text::{Corpus, Part, Streams, TextSettings, Vocabulary};
use crate::training::Saved;
use bptt::analysis::record::replace;

/// The windows of training text over which dynamic evaluation takes the squares of gradients.
const STATISTICS: usize = 500;

/// Flags of `eval`.
#[derive(Args, Clone, Debug)]
pub struct EvalArgs {
    /// Folder of a run, or a file of weights [default: the last of target/lm/run-N]
    #[arg(long, value_name = "PATH")]
    pub run: Option<PathBuf>,

    /// Text file to measure as a whole [default: a part of the text of the run]
    #[arg(long, value_name = "FILE")]
    pub text: Option<PathBuf>,

    /// Part of the run's text to measure
    #[arg(long, value_enum, default_value_t = PartName::Validation, conflicts_with = "text")]
    pub part: PartName,

    /// Streams of the text that are read side by side. With 1, each token is predicted from all before it
    #[arg(long, value_name = "N", default_value = "1", value_parser = at_least_one)]
    pub batch_size: usize,

    /// Tokens that are read at once; the result does not depend on it, unless the evaluation is dynamic
    #[arg(long, value_name = "N", default_value = "64", value_parser = at_least_one)]
    pub window: usize,

    /// Let the model learn from each window once it has been scored (Krause et al. 2018). The first 500 windows of the
    /// training text tell how large the gradients of each weight are
    #[arg(long)]
    pub dynamic: bool,

    /// Learning rate of --dynamic
    #[arg(long, value_name = "ETA", default_value = "0.0001", value_parser = positive, requires = "dynamic")]
    pub dynamic_rate: f64,

    /// Decay of --dynamic towards the trained weights
    #[arg(long, value_name = "LAMBDA", default_value = "0.02", value_parser = at_least_zero, requires = "dynamic")]
    pub dynamic_decay: f64,

    /// Tokens in a continuous cache beside the model (Grave et al. 2017)
    #[arg(long, value_name = "N", value_parser = at_least_one, conflicts_with_all = ["batch_size", "dynamic"])]
    pub cache: Option<usize>,

    /// Exponent θ of --cache: 0 weights all contexts alike, and a large one only the most similar
    #[arg(long, value_name = "THETA", default_value = "0.3", value_parser = at_least_zero, requires = "cache")]
    pub cache_theta: f64,

    /// Weight of --cache against the model
    #[arg(long, value_name = "LAMBDA", default_value = "0.1", value_parser = rate, requires = "cache")]
    pub cache_lambda: f64,

    /// File to write the surprisals of words to, in nats: on each line a word, a tab and a number
    #[arg(long, value_name = "FILE", conflicts_with = "dynamic")]
    pub per_word: Option<PathBuf>,

    /// Write the results as one JSON object
    #[arg(long)]
    pub json: bool,

    /// The machine.
    #[command(flatten)]
    pub machine: MachineArgs,
}

/// The parts of a text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum PartName {
    /// The part that trained the model
    Train,
    /// The part that chose the best weights
    Validation,
    /// The part that neither training nor the choice of weights has read
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
    let streams = Streams::at_most(&part.tokens, args.batch_size, args.window)?;
    saved.expect_memory(streams.batch() * streams.steps().min(args.window))?;
    let model = saved.model()?;
    let score = if args.dynamic {
        dynamic_score(args, &saved, &corpus, part, &streams, model)?
    } else if args.cache.is_some() || args.per_word.is_some() {
        let mut cache =
            args.cache.map(|size| ContinuousCache::new(size, args.cache_theta, args.cache_lambda));
        let surprisals = surprisals(&model, &streams, args.window, cache.as_mut());
        if let Some(file) = &args.per_word {
            write_words(&saved.vocabulary, part, &surprisals, file)?;
        }
        let count = surprisals.len();
        Score::new(surprisals.iter().sum::<f64>() / count as f64, count as u64, part)
    } else {
        score(&model, part, &streams, args.window)
    };
    let mut results = results(&saved, part, &score);
    let floor = text
        .language
        .as_ref()
        .and_then(|language| floor(language, &saved.vocabulary, part, streams.covered()));
    if let Some(floor) = floor {
        results.push(("floor", floor.into()));
        results.push(("above the floor", (score.nats - floor).into()));
    }
    write_results(results, args.json, out)
}

/// Returns the score of dynamic evaluation. Its statistics are of the run's own training text, whatever is measured.
fn dynamic_score(
    args: &EvalArgs,
    saved: &Saved,
    corpus: &Corpus,
    part: &Part,
    streams: &Streams,
    mut model: LanguageModel,
) -> Result<Score, Error> {
    let of_run = match &args.text {
        Some(_) => &Corpus::open_with(&saved.config.text, &saved.vocabulary, &args.machine.store)?,
        None => corpus,
    };
    let training = Streams::at_most(&of_run.train.tokens, args.batch_size, args.window)?;
    let windows = training.windows(args.window).take(STATISTICS);
    let rule = Dynamic { learning_rate: args.dynamic_rate, decay: args.dynamic_decay };
    Ok(rule.score(&mut model, part, streams, args.window, windows))
}

/// Writes the surprisal of each word. The numbers have all their digits, so that their sum is the whole text's.
fn write_words(
    vocabulary: &Vocabulary,
    part: &Part,
    surprisals: &[f64],
    file: &Path,
) -> Result<(), Error> {
    let mut decoder = vocabulary.decoder();
    let texts = part.tokens.iter(0..1 + surprisals.len()).map(|token| decoder.push(token));
    let words = words(texts.skip(1).zip(surprisals.iter().copied()));
    let lines = words.iter().map(|(word, nats)| {
        let shown = if word.trim().is_empty() { word } else { word.trim() };
        format!("{}\t{nats}\n", shown.escape_debug())
    });
    Ok(replace(file, &lines.collect::<String>())?)
}

/// Returns what the score says of the text, by name.
fn results(saved: &Saved, part: &Part, score: &Score) -> Vec<(&'static str, Value)> {
    vec![
        ("model", format!("{}, step {}", saved.config.model.name(), saved.step).into()),
        ("tokens", score.tokens.into()),
        ("tokens in the text", part.tokens.len().into()),
        ("nats per token", score.nats.into()),
        ("perplexity", score.perplexity().into()),
        ("bits per character", score.bits_per_character().into()),
        ("perplexity per word", score.perplexity_per_word().into()),
    ]
}

/// Writes the results as a table, or as one JSON object whose names have underscores.
fn write_results(
    results: Vec<(&'static str, Value)>,
    json: bool,
    out: &mut impl Write,
) -> Result<(), Error> {
    if json {
        let results = results.into_iter().map(|(name, value)| (name.replace(' ', "_"), value));
        return Ok(writeln!(out, "{}", Value::Object(results.collect()))?);
    }
    for (name, value) in results {
        match value {
            Value::String(text) => writeln!(out, "{name:<20} {text}")?,
            Value::Number(number) if number.is_f64() => {
                writeln!(out, "{name:<20} {:.4}", number.as_f64().unwrap_or(f64::NAN))?;
            }
            value => writeln!(out, "{name:<20} {value}")?,
        }
    }
    Ok(())
}
