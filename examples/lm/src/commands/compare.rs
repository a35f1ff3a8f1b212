//! `lm compare`

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::shared::{MachineArgs, home, write_unless_stopped};
use crate::comparison::{Comparison, baselines, contenders, floor, plan};
use crate::config::Config;
use crate::config::rules::at_least_one;
use crate::error::Error;
use crate::model::CellChoice;
use crate::runs::{Figure, Texts, run_all};
use programs::terminal::Signal;

/// Flags of `compare`.
#[derive(Args, Clone, Debug)]
pub struct CompareArgs {
    /// Cells to compare, such as lstm,gru,mine [default: all]
    #[arg(long, value_enum, num_args = 1.., value_delimiter = ',', conflicts_with_all = ["cell", "seed"],
          default_values_t = CellChoice::value_variants().iter().copied(), hide_default_value = true)]
    pub cells: Vec<CellChoice>,

    /// Seeds with which each cell is trained
    #[arg(long, value_name = "SEED", num_args = 1.., value_delimiter = ',', default_values_t = [1, 2, 3])]
    pub seeds: Vec<u64>,

    /// Parameters of each model, as nearly as a hidden size can give them [default: those of the first cell with
    /// --hidden-size]
    #[arg(long, value_name = "N", value_parser = at_least_one, conflicts_with = "hidden_size")]
    pub parameters: Option<usize>,

    /// Highest order of the n-gram models beside the cells, of which the best is shown; 0 leaves them out
    #[arg(long, value_name = "N", default_value = "6")]
    pub ngrams: usize,

    /// All settings that the runs share.
    #[command(flatten)]
    pub config: Config,

    /// Configuration in TOML, whose settings the flags override
    #[arg(long = "config", value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Folder of the comparison. The same command continues what was interrupted there
    #[arg(long, value_name = "FOLDER", default_value_os_t = home().join("comparison"))]
    pub out: PathBuf,

    /// The machine.
    #[command(flatten)]
    pub machine: MachineArgs,
}

impl CompareArgs {
    /// Returns whether a setting of the configuration file has no meaning here, since other flags take its place.
    pub(crate) fn replaces(&self, setting: &str) -> bool {
        match setting {
            "cell" | "seed" => true,
            "hidden-size" => self.parameters.is_some(),
            _ => false,
        }
    }

    /// Compares. Returns nothing if `stop` returned `true`: the next call goes on from there.
    ///
    /// # Errors
    ///
    /// As [`contenders`], [`plan`] and [`run_all`].
    pub fn run(&self, stop: impl FnMut() -> bool) -> Result<Option<Comparison>, Error> {
        let mut texts = Texts::new(self.machine.store.clone());
        let corpus = texts.open(&self.config.text)?;
        let figure = Figure::of(corpus);
        let (contenders, parameters) =
            contenders(&self.config, &self.cells, self.parameters, corpus.vocabulary.len())?;
        let planned = plan(&contenders, &self.seeds)?;
        let mut baselines = baselines(corpus, self.ngrams)?;
        let language = self.config.text.language.as_ref();
        baselines.extend(language.and_then(|language| floor(corpus, language)));
        let outcomes = run_all(&planned, &self.out, &mut texts, self.machine.quiet, stop)?;
        let Some(outcomes) = outcomes else { return Ok(None) };
        let comparison = Comparison::new(&contenders, &self.seeds, parameters, &outcomes, figure)
            .beside(baselines);
        comparison.write(&self.out)?;
        Ok(Some(comparison))
    }
}

/// Trains each cell with each seed, and writes the table. Returns the signal that stopped it, if one did.
///
/// # Errors
///
/// As [`CompareArgs::run`].
pub fn compare(args: &CompareArgs, out: &mut (impl Write + Send)) -> Result<Option<Signal>, Error> {
    write_unless_stopped(&args.machine, out, |stop| {
        Ok(args.run(stop)?.map(|comparison| comparison.to_markdown()))
    })
}
