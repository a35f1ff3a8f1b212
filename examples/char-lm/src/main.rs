//! A character language model, trained by truncated back-propagation through time: see `char-lm --help`.
//!
//! Read [`model`] first, then [`train`] and [`generate`]. What a program needs besides is the library `lm`.

#![warn(clippy::print_stderr, clippy::print_stdout)] // they panic if the output is closed

mod args;
mod commands;
mod error;
mod generate;
mod model;
mod report;
mod snapshot;
#[cfg(test)]
mod tests;
mod train;

use std::io;
use std::process::ExitCode;

use clap::Parser;
use programs::terminal::tell;

use crate::args::{Cli, Command};
use crate::error::Error;

fn main() -> ExitCode {
    let (cli, out) = (Cli::parse(), &mut io::stdout());
    let result = match cli.command.unwrap_or(Command::Train(cli.train)) {
        Command::Train(args) => commands::train(&args, out),
        Command::Eval(args) => commands::eval(&args, out),
        Command::Generate(args) => generate::generate(&args, out),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // The reader closed the pipe, as `char-lm … | head` does.
        Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}
