//! What several commands share.

use std::io::Write;
use std::path::PathBuf;

use bptt::decode::Sampling;
use clap::Args;
use rayon::{ThreadPoolBuildError, ThreadPoolBuilder};

use crate::config::rules::{at_least_one, at_least_zero, share, threads};
use crate::error::Error;
use crate::text::repository;
use programs::terminal::{Signal, Signals, tell};

/// Flags of all commands that compute.
#[derive(Args, Clone, Debug)]
pub struct MachineArgs {
    /// Threads to compute with [default: one for each core]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,

    /// Folder for encoded texts that are too large for memory
    #[arg(long, value_name = "FOLDER", default_value_os_t = home().join("texts"))]
    pub store: PathBuf,

    /// Show no progress
    #[arg(long)]
    pub quiet: bool,
}

impl MachineArgs {
    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// If the operating system refuses them.
    pub fn start_threads(&self) -> Result<(), ThreadPoolBuildError> {
        let threads = self.threads.unwrap_or(0); // as many as there are cores
        ThreadPoolBuilder::new().num_threads(threads).build_global()?;
        log::debug!("{} threads", rayon::current_num_threads());
        Ok(())
    }
}

/// Flags of commands that draw tokens.
#[derive(Args, Clone, Debug)]
pub struct SamplingArgs {
    /// Temperature of the draws: 0 takes the most probable token, 1 draws from the model's probabilities
    #[arg(long, default_value = "0.8", value_parser = at_least_zero)]
    pub temperature: f64,

    /// Draw only among this many most probable tokens [default: all]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub top_k: Option<usize>,

    /// Draw only among the most probable tokens that together have this probability, the nucleus [default: all]
    #[arg(long, value_name = "P", value_parser = share)]
    pub top_p: Option<f64>,

    /// Seed of the draws
    #[arg(long, default_value = "1")]
    pub seed: u64,
}

impl SamplingArgs {
    /// Returns how tokens are drawn.
    #[must_use]
    pub fn sampling(&self) -> Sampling {
        let sampling = Sampling::new().temperature(self.temperature);
        let sampling = self.top_k.map_or(sampling, |k| sampling.top_k(k));
        self.top_p.map_or(sampling, |p| sampling.top_p(p))
    }
}

/// Writes the text that `make` returns after many runs. The argument of `make` returns whether to stop. If `make`
/// stops, it returns `None`, and this function returns the signal.
///
/// # Errors
///
/// As `make`; and if the text cannot be written, or signals cannot be caught.
pub fn write_unless_stopped(
    machine: &MachineArgs,
    out: &mut (impl Write + Send),
    make: impl FnOnce(&dyn Fn() -> bool) -> Result<Option<String>, Error> + Send,
) -> Result<Option<Signal>, Error> {
    machine.start_threads()?;
    rayon::scope(|_| {
        let signals = Signals::catch().map_err(Error::Signals)?;
        let text = make(&|| signals.last().is_some())?;
        signals.end_at_once();
        if let Some(text) = text {
            out.write_all(text.as_bytes())?;
            return Ok(None);
        }
        tell("saved; the same command goes on from here");
        Ok(signals.last())
    })
}

/// Returns `target/lm` of the repository, which version control ignores.
#[must_use]
pub fn home() -> PathBuf {
    repository().join("target/lm")
}

/// Returns the default folder of the run with this number.
fn numbered(number: usize) -> PathBuf {
    home().join(format!("run-{number}"))
}

/// Returns the first default folder that does not exist.
#[must_use]
pub fn free_run() -> PathBuf {
    (1..).map(numbered).find(|folder| !folder.exists()).expect("some number is free")
}

/// Returns the last default folder that exists, or the first.
#[must_use]
pub fn last_run() -> PathBuf {
    let last = (1..).take_while(|&number| numbered(number).exists()).last();
    numbered(last.unwrap_or(1))
}
