//! The classics: tasks, mechanisms, claims and tables of texts on recurrent networks, each as one short program.

#![warn(clippy::print_stderr, clippy::print_stdout)] // they panic if the output is closed

mod catalog;
mod cli;
mod common;
mod error;
mod mechanisms;
mod prelude;
mod program;
mod report;
mod session;
mod studies;
mod tables;
mod tasks;

use std::io::{self, Write};
use std::process::ExitCode;

use peak_alloc::PeakAlloc;
use programs::terminal::{Signals, start_log, tell};

use crate::cli::{Choice, Settings};
use crate::error::{Error, Result};
use crate::program::Program;
use crate::session::{Outcome, Session};

/// Counts the memory of the process, for the program that measures it.
#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

fn main() -> ExitCode {
    start_log();
    let out = &mut io::stdout();
    let status = match cli::read() {
        Choice::List => report::list(catalog::PROGRAMS, out).map_err(Error::Output).map(|()| 0),
        Choice::Run(programs, settings) => run(&programs, &settings, out),
    };
    match status {
        Ok(status) => ExitCode::from(status),
        // The reader closed the pipe, as `classics list | head` does.
        Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs the programs one after the other, up to a signal. Returns the exit status: 1 if something did not hold.
fn run(programs: &[&Program], settings: &Settings, out: &mut impl Write) -> Result<u8> {
    let signals = Signals::catch().map_err(Error::Signals)?.into();
    let mut outcomes = Vec::with_capacity(programs.len());
    for program in programs {
        writeln!(out, "{}: {}", program.name, program.shows).map_err(Error::Output)?;
        let mut session = Session::new(program, settings, &signals);
        let result = (program.run)(&mut session);
        let outcome = session.finish(result)?;
        writeln!(out, "{outcome}").map_err(Error::Output)?;
        outcomes.push(outcome);
        if signals.last().is_some() {
            break;
        }
    }
    report::save(catalog::PROGRAMS, settings)?;
    if programs.len() > 1 {
        report::summarize(&outcomes, out).map_err(Error::Output)?;
    }
    let status = u8::from(!outcomes.iter().all(Outcome::holds));
    Ok(signals.last().map_or(status, |signal| signal.exit_status()))
}
