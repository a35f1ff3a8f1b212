//! `lm`: see `lm --help`.

#![warn(clippy::print_stderr, clippy::print_stdout)] // they panic if the output is closed

use std::io;
use std::process::ExitCode;

use lm::cli::{Cli, Command, UsageError};
use lm::commands::{compare, eval, generate, inspect, sweep, train};
use lm::error::Error;
use programs::terminal::{start_log, tell};

fn main() -> ExitCode {
    start_log();
    match run() {
        Ok(code) => code,
        // The reader closed the pipe, as `lm … | head` does.
        Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("error: {error}"));
            ExitCode::from(error.exit_status())
        }
    }
}

fn run() -> Result<ExitCode, Error> {
    let cli = match Cli::read(std::env::args_os().collect()) {
        Ok(cli) => cli,
        Err(UsageError::Flags(error)) => error.exit(),
        Err(UsageError::Config(error)) => return Err(error.into()),
    };
    let out = &mut io::stdout();
    let signal = match cli.command {
        Command::Train(args) => train::train(&args, out)?,
        Command::Eval(args) => eval::eval(&args, out).map(|()| None)?,
        Command::Generate(args) => generate::generate(&args, out).map(|()| None)?,
        Command::Inspect(args) => inspect::inspect(&args, out).map(|()| None)?,
        Command::Compare(args) => compare::compare(&args, out)?,
        Command::Sweep(args) => sweep::sweep(&args, out)?,
    };
    Ok(signal.map_or(ExitCode::SUCCESS, |it| ExitCode::from(it.exit_status())))
}
