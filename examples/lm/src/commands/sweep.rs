//! `lm sweep`

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::shared::{MachineArgs, home, write_unless_stopped};
use crate::config::Config;
use crate::config::rules::at_least_one;
use crate::error::Error;
use crate::runs::{Texts, run_all};
use crate::sweep::{Axis, Draw, Ranking, grid, plan, random};
use programs::terminal::Signal;

/// Flags of `sweep`.
#[derive(Args, Clone, Debug)]
#[group(id = "space", required = true, args = ["grid", "random"])]
pub struct SweepArgs {
    /// Flag of `train` with values to try, such as hidden-size=64,128. Several --grid try all combinations
    #[arg(long, value_name = "NAME=A,B,…")]
    pub grid: Vec<Axis>,

    /// Flag of `train` with a range to draw from, such as dropout=0..0.5 or learning-rate=log:1e-4..1e-2, or with a
    /// list of values. A range between whole numbers has only whole numbers. --seed also seeds the draws
    #[arg(long, value_name = "NAME=A..B", conflicts_with = "grid")]
    pub random: Vec<Draw>,

    /// Number of trials of --random. A larger number begins with the same trials
    #[arg(long, value_name = "N", default_value = "20", value_parser = at_least_one, conflicts_with = "grid")]
    pub trials: usize,

    /// All settings that are not searched.
    #[command(flatten)]
    pub config: Config,

    /// Configuration in TOML, whose settings the flags override
    #[arg(long = "config", value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Folder of the search. The same command continues what was interrupted there, and other values of the same flags
    /// extend it
    #[arg(long, value_name = "FOLDER", default_value_os_t = home().join("sweep"))]
    pub out: PathBuf,

    /// The machine.
    #[command(flatten)]
    pub machine: MachineArgs,
}

impl SweepArgs {
    /// Tries all settings. Returns nothing if `stop` returned `true`: the next call goes on from there.
    ///
    /// # Errors
    ///
    /// As [`plan`] and [`run_all`].
    pub fn run(&self, stop: impl FnMut() -> bool) -> Result<Option<Ranking>, Error> {
        let trials = match self.random.is_empty() {
            true => grid(&self.grid),
            false => random(&self.random, self.trials, self.config.training.seed),
        };
        let planned = plan(&self.config, &trials)?;
        let mut texts = Texts::new(self.machine.store.clone());
        let outcomes = run_all(&planned, &self.out, &mut texts, self.machine.quiet, stop)?;
        let Some(outcomes) = outcomes else { return Ok(None) };
        let ranking = Ranking::new(trials, outcomes);
        ranking.write(&self.out)?;
        Ok(Some(ranking))
    }
}

/// Tries all settings, and writes the table. Returns the signal that stopped it, if one did.
///
/// # Errors
///
/// As [`SweepArgs::run`].
pub fn sweep(args: &SweepArgs, out: &mut (impl Write + Send)) -> Result<Option<Signal>, Error> {
    write_unless_stopped(&args.machine, out, |stop| {
        Ok(args.run(stop)?.map(|ranking| ranking.to_markdown()))
    })
}
