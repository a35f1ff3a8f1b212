//! `char-lm`: see `char-lm --help`.

#![warn(clippy::print_stderr, clippy::print_stdout)] // they panic if the output is closed

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

use bptt::Module;
use bptt::decode::Sampling;
use bptt::run::Run;
use char_lm::args::{Cli, Command, EvalArgs, GenerateArgs, TrainArgs};
use char_lm::batches::Batches;
use char_lm::checkpoint::{Checkpoint, Snapshot};
use char_lm::corpus::{Corpus, read_documents};
use char_lm::error::Error;
use char_lm::generate::{Continuation, Sampler};
use char_lm::memory;
use char_lm::ngram::{BASELINE_ORDER, NGram};
use char_lm::progress::{Progress, tell};
use char_lm::score::{Comparison, Nats};
use char_lm::signals::Signals;
use char_lm::train::{Ending, Trainer};
use clap::Parser;

/// The number of characters that `train` lets the model write at the end.
const SAMPLE: usize = 400;
const SAMPLE_TEMPERATURE: f64 = 0.7;

fn main() -> ExitCode {
    match run(Cli::parse().into_command(), &mut io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader closed the pipe, as `char-lm … | head` does.
        Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command, out: &mut (impl Write + Send)) -> Result<(), Error> {
    match command {
        Command::Train(args) => {
            use_threads(args.threads)?;
            // on a thread of the pool, so that this thread computes rather than waits
            rayon::scope(|_| train(&args, out))
        }
        Command::Eval(args) => eval(&args, out),
        Command::Generate(args) => generate(&args, out),
    }
}

fn train(args: &TrainArgs, out: &mut impl Write) -> Result<(), Error> {
    let documents = read_documents(&args.text.files)?;
    let corpus = Corpus::new(&documents);
    let read = documents.len();
    drop(documents); // the corpus has their characters as numbers
    let (mut trainer, mut saved) = if args.resume {
        resume(args, &corpus)?
    } else {
        (Trainer::new(&corpus, args.plan())?, Run::new(&args.out)?)
    };
    let steps = trainer.plan().steps;
    // in one write, so that a reader that closes the pipe after the first line does not end the training
    let head = format!(
        "text   {corpus} (files: {})\nmodel  {}, {} parameters\nstart  step {} of {steps}, {}\n\n",
        read,
        name(trainer.best()),
        trainer.model().parameter_count(),
        trainer.steps_done(),
        trainer.best().score
    );
    out.write_all(head.as_bytes())?;

    let signals = Signals::catch().map_err(Error::Signals)?;
    let started = Instant::now();
    let seconds = args.minutes.map_or(f64::INFINITY, |minutes| 60.0 * minutes);
    let mut progress = Progress::new(trainer.steps_done(), steps);
    let ending = trainer.run(&mut saved, &mut progress, || {
        if signals.have_come() {
            tell("saving; Ctrl-C again to stop at once");
            Some(Ending::Interrupted)
        } else if started.elapsed().as_secs_f64() >= seconds {
            Some(Ending::OutOfTime)
        } else {
            None
        }
    })?;
    signals.end_at_once();
    progress.finish();

    if ending != Ending::Finished {
        let (step, checkpoint) = (trainer.steps_done(), saved.files().checkpoint.display());
        let flags = args.flags_to_resume();
        writeln!(out, "stopped after step {step}, saved in {checkpoint}: continue with {flags}")?;
    }
    if ending != Ending::Interrupted {
        let best = trainer.best();
        compare(best, best.score, &corpus, trainer.validation(), out)?;
        writeln!(out, "\nbest weights, of step {}: {}\n", best.step, args.out.display())?;
        let sampling = Sampling::new().temperature(SAMPLE_TEMPERATURE);
        let sampler = Sampler::new(sampling, best.settings.seed);
        write_text(best, None, sampler, SAMPLE, out)?;
    }
    Ok(())
}

/// Returns the run that was saved beside `--out`.
fn resume<'a>(args: &TrainArgs, corpus: &'a Corpus) -> Result<(Trainer<'a>, Run), Error> {
    let run = Run::resume(&args.out)?; // before the checkpoint is read, which another run might replace
    let checkpoint = Checkpoint::load(&run.files().checkpoint)?;
    let before = checkpoint.plan.steps;
    let plan = args.plan_after(checkpoint.plan.clone());
    if plan.steps != before {
        tell(&format!(
            "note: {} steps instead of {before}: the learning rate goes on as in a run of that \
             length, so this is another run than one that had so many steps from the beginning",
            plan.steps
        ));
    }
    Ok((Trainer::resume(corpus, plan, checkpoint)?, run))
}

fn eval(args: &EvalArgs, out: &mut impl Write) -> Result<(), Error> {
    use_threads(args.threads)?;
    let saved = Snapshot::load(&args.weights)?;
    let model = saved.model()?;
    let documents = read_documents(&args.text.files)?;
    let corpus = Corpus::with_vocabulary(&documents, saved.vocabulary.clone());
    let corpus = corpus.map_err(|error| match error {
        Error::UnknownInText { path, source } if args.text.files.is_empty() => {
            Error::UnknownInRepository { path, source }
        }
        error => error,
    })?;
    let (batch, window) = (saved.settings.batch, saved.settings.window);
    let validation = Batches::at_most(&corpus.validation, batch, window)?;
    let positions = validation.batch() as f64 * validation.window(0).steps as f64;
    memory::expect(memory::needed(&saved.settings, corpus.vocabulary.len(), positions, false))?;
    writeln!(out, "text   {corpus} (files: {})", documents.len())?;
    compare(&saved, model.score(&validation), &corpus, &validation, out)?;
    Ok(writeln!(out, "The {BASELINE_ORDER}-gram model is counted on the rest of this same text.")?)
}

fn generate(args: &GenerateArgs, out: &mut impl Write) -> Result<(), Error> {
    let saved = Snapshot::load(&args.weights)?;
    let sampler = Sampler::new(args.sampling(), args.seed);
    write_text(&saved, args.prime.as_deref(), sampler, args.length, out)
}

/// Writes the prime and the model's continuation of it, each character as soon as it is drawn.
fn write_text(
    saved: &Snapshot,
    prime: Option<&str>,
    sampler: Sampler,
    length: usize,
    out: &mut impl Write,
) -> Result<(), Error> {
    let tokens = match prime {
        Some(prime) => saved.vocabulary.encode(prime).map_err(Error::UnknownInPrime)?,
        None => saved.vocabulary.encode("\n").unwrap_or_else(|_| vec![0]),
    };
    let tokens: Vec<_> = tokens.into_iter().map(|token| token as usize).collect();
    let model = saved.model()?;
    write!(out, "{}", prime.unwrap_or_default())?;
    for token in Continuation::new(&model, &tokens, sampler).take(length) {
        write!(out, "{}", saved.vocabulary.characters()[token])?;
        out.flush()?;
    }
    Ok(writeln!(out)?)
}

/// Writes the table of the model beside the baseline, on the same characters.
fn compare(
    saved: &Snapshot,
    score: Nats,
    corpus: &Corpus,
    validation: &Batches<'_>,
    out: &mut impl Write,
) -> Result<(), Error> {
    let baseline = NGram::count(BASELINE_ORDER, corpus.vocabulary.len(), &corpus.train);
    let baseline = baseline.score(validation.tokens());
    Ok(writeln!(out, "\n{}", Comparison { name: name(saved), model: score, baseline })?)
}

fn name(saved: &Snapshot) -> String {
    let settings = &saved.settings;
    format!("{}-layer {} of {}", settings.layers, settings.cell, settings.hidden)
}

fn use_threads(threads: Option<usize>) -> Result<(), Error> {
    let threads = threads.unwrap_or(0); // as many as there are cores
    Ok(rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?)
}
