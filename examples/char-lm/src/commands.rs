//! The commands `train` and `eval`.

use std::io::Write;
use std::time::Instant;

use bptt::Module;
use bptt::run::Run;
use lm::baselines::{NGram, Smoothing};
use lm::commands::shared::SamplingArgs;
use lm::text::{Corpus, Streams, TextSettings, Tokens};
use lm::training::Ending;
use programs::terminal::{Progress, Signals, tell};

use crate::args::{EvalArgs, GenerateArgs, TrainArgs};
use crate::error::Error;
use crate::generate::generate;
use crate::snapshot::{Snapshot, load};
use crate::train::Trainer;

/// Order of the baseline: three characters of context and the one they predict.
const ORDER: usize = 4;

/// Trains a model, judges it, and lets it write.
pub(crate) fn train(args: &TrainArgs, out: &mut (impl Write + Send)) -> Result<(), Error> {
    args.machine.start_threads()?;
    // on a thread of the pool, so that this thread computes rather than waits
    rayon::scope(|_| {
        let text = args.text.settings();
        let corpus = Corpus::open(&text, &args.machine.store)?;
        let (mut run, mut trainer) = begin(args, &corpus)?;
        if let Some(folder) = &args.report {
            trainer.record(folder, args.resume)?;
        }
        // in one write, so that a reader that closes the pipe after the first line does not end the training
        let head = format!(
            "{}\nmodel  {}, {} parameters\nstart  step {} of {}, {}\n\n",
            sizes(&corpus, &text)?,
            name(&trainer.best),
            trainer.training.model.parameter_count(),
            trainer.training.step,
            trainer.steps,
            in_bits(trainer.best.nats),
        );
        out.write_all(head.as_bytes())?;
        let ending = learn(args, &mut run, &mut trainer)?;
        if ending != Ending::Finished {
            let (step, file) = (trainer.training.step, run.files().checkpoint.display());
            let flags = "--resume, and the same --out and --text";
            writeln!(out, "stopped after step {step}, saved in {file}: continue with {flags}")?;
        }
        if ending == Ending::Interrupted {
            return Ok(());
        }
        let best = &trainer.best;
        compare(best, best.nats, &corpus, &trainer.validation, out)?;
        writeln!(out, "\nbest weights, of step {}: {}\n", best.step, args.out.display())?;
        let seed = best.settings.seed;
        let sampling = SamplingArgs { temperature: 0.7, top_k: None, top_p: None, seed };
        let weights = args.out.clone();
        generate(&GenerateArgs { weights, prime: None, length: 400, sampling }, out)
    })
}

/// Returns a new run, or the one to resume.
fn begin<'c>(args: &TrainArgs, corpus: &'c Corpus) -> Result<(Run, Trainer<'c>), Error> {
    if args.resume {
        let run = Run::resume(&args.out)?; // before the checkpoint is read, which another run might replace
        let checkpoint = load(&run.files().checkpoint)?;
        return Ok((run, Trainer::resume(corpus, args, &checkpoint)?));
    }
    let (steps, validate_every) = (args.steps.unwrap_or(1500), args.validate_every.unwrap_or(150));
    let trainer = Trainer::new(corpus, &args.settings, steps, validate_every)?;
    Ok((Run::new(&args.out)?, trainer))
}

/// Trains until all steps are done, a signal comes, or the time is over.
fn learn(args: &TrainArgs, run: &mut Run, trainer: &mut Trainer<'_>) -> Result<Ending, Error> {
    let signals = Signals::catch().map_err(Error::Signals)?;
    let started = Instant::now();
    let seconds = args.minutes.map_or(f64::INFINITY, |minutes| 60.0 * minutes);
    let mut progress = match args.machine.quiet {
        true => Progress::hidden(),
        false => Progress::new(trainer.training.step, trainer.steps, "characters"),
    };
    let ending = trainer.run(run, &mut progress, || {
        if signals.last().is_some() {
            tell("saving; Ctrl-C again to stop at once");
            Some(Ending::Interrupted)
        } else {
            (started.elapsed().as_secs_f64() >= seconds).then_some(Ending::OutOfTime)
        }
    })?;
    signals.end_at_once();
    progress.finish();
    Ok(ending)
}

/// Measures a saved model.
pub(crate) fn eval(args: &EvalArgs, out: &mut impl Write) -> Result<(), Error> {
    args.machine.start_threads()?;
    let saved = Snapshot::load(&args.weights)?;
    let (model, text) = (saved.model()?, args.text.settings());
    let corpus = Corpus::open_with(&text, &saved.vocabulary, &args.machine.store)?;
    let (batch, window) = (saved.settings.batch, saved.settings.window);
    let validation = Streams::at_most(&corpus.validation.tokens, batch, window)?;
    writeln!(out, "{}", sizes(&corpus, &text)?)?;
    compare(&saved, model.score(&validation, window), &corpus, &validation, out)?;
    Ok(writeln!(out, "The {ORDER}-gram model is counted on the rest of this same text.")?)
}

/// Writes the table of the model beside the baseline, on the same characters.
fn compare(
    saved: &Snapshot,
    nats: f64,
    corpus: &Corpus,
    validation: &Streams,
    out: &mut impl Write,
) -> Result<(), Error> {
    let Corpus { vocabulary, train, .. } = corpus;
    let baseline = NGram::new(Smoothing::WittenBell, ORDER, vocabulary.len(), &train.tokens)?;
    let judged = corpus.validation.tokens.iter(0..validation.covered());
    let baseline = baseline.score(&Tokens::from(judged.collect::<Vec<_>>()));
    let rows = [(name(saved), nats), (format!("{ORDER}-gram, Witten–Bell"), baseline)];
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    writeln!(out, "\n{:width$}  {:>8}  {:>8}", "validation loss", "nats", "bits")?;
    for (name, nats) in rows {
        writeln!(out, "{name:width$}  {nats:8.4}  {:8.4}", bits(nats))?;
    }
    Ok(())
}

fn name(saved: &Snapshot) -> String {
    let settings = &saved.settings;
    format!("{}-layer {} of {}", settings.layers, settings.cell, settings.hidden)
}

fn sizes(corpus: &Corpus, text: &TextSettings) -> Result<String, Error> {
    let (learned, predicted) = (corpus.train.tokens.len(), corpus.validation.tokens.len());
    let (distinct, files) = (corpus.vocabulary.len(), text.files()?.len());
    let sizes = format!("{learned} characters to learn from, {predicted} to predict");
    Ok(format!("text   {sizes}, {distinct} distinct (files: {files})"))
}

/// Returns a loss in nats and in bits.
pub(crate) fn in_bits(nats: f64) -> String {
    format!("{nats:.4} nats, {:.4} bits per character", bits(nats))
}

fn bits(nats: f64) -> f64 {
    nats / std::f64::consts::LN_2
}
