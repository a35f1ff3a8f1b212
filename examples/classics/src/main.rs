//! The classics: tasks, mechanisms and claims of texts on recurrent networks, each as one short program.

mod catalog;
mod cli;
mod error;
mod mechanisms;
mod prelude;
mod program;
mod report;
mod session;
mod studies;
mod tasks;

use std::process::ExitCode;

use programs::terminal::{Signals, start_log, tell};

use crate::cli::{Choice, Settings};
use crate::error::Result;
use crate::program::Program;
use crate::session::{Outcome, Session};

fn main() -> ExitCode {
    start_log();
    match cli::read() {
        Choice::List => {
            println!("{}", report::list(catalog::PROGRAMS));
            ExitCode::SUCCESS
        }
        Choice::Run(programs, settings) => match run(&programs, &settings) {
            Ok(status) => ExitCode::from(status),
            Err(error) => {
                tell(&format!("error: {error}"));
                ExitCode::FAILURE
            }
        },
    }
}

/// Runs the programs one after the other, up to a signal. Returns the exit status: 1 if something did not hold.
fn run(programs: &[&'static Program], settings: &Settings) -> Result<u8> {
    let signals = Signals::catch().map_err(error::Error::Signals)?.into();
    let mut outcomes = Vec::with_capacity(programs.len());
    for program in programs {
        println!("{}: {}", program.name, program.shows);
        let mut session = Session::new(program, settings, &signals);
        let result = (program.run)(&mut session);
        let outcome = session.finish()?;
        result.map_err(|error| error.of(program.name))?;
        println!("{outcome}");
        outcomes.push(outcome);
        if signals.last().is_some() {
            break;
        }
    }
    if programs.len() > 1 {
        report::save(&outcomes, settings)?;
        println!("{}", report::summary(&outcomes));
    }
    let status = u8::from(!outcomes.iter().all(Outcome::holds));
    Ok(signals.last().map_or(status, |signal| signal.exit_status()))
}
