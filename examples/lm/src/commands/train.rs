//! `lm train`

use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::time::Instant;

use bptt::Module;
use clap::Args;

use super::shared::{MachineArgs, free_run, last_run};
use crate::config::Config;
use crate::config::rules::positive;
use crate::error::Error;
use crate::run::{RunFiles, RunFolder};
use crate::text::Corpus;
use crate::training::{Ending, Session};
use programs::terminal::{Progress, Signal, Signals, tell};

/// Flags of `train`.
#[derive(Args, Clone, Debug)]
pub struct TrainArgs {
    /// All settings of the run.
    #[command(flatten)]
    pub config: Config,

    /// Configuration in TOML, whose settings the flags override
    #[arg(long = "config", value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Folder of the run [default: target/lm/run-N, the first that is free]
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,

    /// Continue the run in --out, with its settings, as if it had never stopped
    #[arg(long, conflicts_with = "file")]
    pub resume: bool,

    /// Stop after this time even if steps are left, with a last measurement
    #[arg(long, value_name = "MINUTES", value_parser = positive)]
    pub minutes: Option<f64>,

    /// The machine.
    #[command(flatten)]
    pub machine: MachineArgs,
}

impl TrainArgs {
    /// Returns the configuration file: that of `--config`, or of the run to resume.
    #[must_use]
    pub fn configuration(&self) -> Option<PathBuf> {
        if self.resume { Some(RunFiles::of(self.folder()).config) } else { self.file.clone() }
    }

    /// Returns the folder of the run.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        let default = if self.resume { last_run } else { free_run };
        self.out.clone().unwrap_or_else(default)
    }
}

/// Trains. Returns the signal that stopped the run, if one did.
///
/// # Errors
///
/// If the settings, the text or the files of the run cannot be used, or if training diverges.
pub fn train(args: &TrainArgs, out: &mut (impl Write + Send)) -> Result<Option<Signal>, Error> {
    args.machine.start_threads()?;
    // on a thread of the pool, so that this thread computes rather than waits
    rayon::scope(|_| run(args, out))
}

fn run(args: &TrainArgs, out: &mut impl Write) -> Result<Option<Signal>, Error> {
    let path = args.folder();
    if !args.resume {
        RunFolder::expect_free(&path)?; // before the work that the run begins with
    }
    let corpus = Corpus::open(&args.config.text, &args.machine.store)?;
    // before files are written, so that a limit of their size is an error and not a signal that kills
    let signals = Signals::catch().map_err(Error::Signals)?;
    let start = if args.resume { Session::resume } else { Session::begin };
    let mut session = start(&args.config, &corpus, &path)?;
    write_head(&session, out)?;
    let trainer = session.trainer();
    let started = Instant::now();
    let seconds = args.minutes.map_or(f64::INFINITY, |minutes| 60.0 * minutes);
    let mut progress = if args.machine.quiet {
        Progress::hidden()
    } else {
        Progress::new(trainer.steps_done(), trainer.steps(), "tokens")
    };
    let ending = session.run(&mut progress, || {
        if signals.last().is_some() {
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
    let signal = signals.last().filter(|_| ending == Ending::Interrupted);
    let reason = match (ending, signal) {
        (Ending::Finished, _) => "finished".to_owned(),
        (Ending::OutOfTime, _) => "out of time".to_owned(),
        (Ending::Interrupted, Some(signal)) => format!("stopped by {signal}"),
        (Ending::Interrupted, None) => unreachable!("only a signal interrupts"),
    };
    session.conclude(ending, &reason)?;
    write_result(&session, ending, out)?;
    Ok(signal)
}

/// Writes what is trained. A reader that has closed the pipe does not end the training.
fn write_head(session: &Session<'_>, out: &mut impl Write) -> Result<(), Error> {
    let trainer = session.trainer();
    let head = format!(
        "text   {}\nmodel  {}, {} parameters\nrun    {}, step {} of {}\n\n",
        trainer.corpus(),
        trainer.best().config.model.name(),
        trainer.model().parameter_count(),
        session.folder().files().folder.display(),
        trainer.steps_done(),
        trainer.steps(),
    );
    match out.write_all(head.as_bytes()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Writes the best loss, and where the run has its files.
fn write_result(session: &Session<'_>, ending: Ending, out: &mut impl Write) -> Result<(), Error> {
    let (trainer, files) = (session.trainer(), session.folder().files());
    if ending != Ending::Finished {
        let (step, path) = (trainer.steps_done(), files.folder.display());
        writeln!(out, "stopped after step {step}; continue with --resume --out {path}")?;
    }
    let (best, weights) = (trainer.best(), files.weights.display());
    writeln!(out, "best   {:.4} nats, of step {}: {weights}", best.nats, best.step)?;
    Ok(writeln!(out, "report {}", files.report.display())?)
}
