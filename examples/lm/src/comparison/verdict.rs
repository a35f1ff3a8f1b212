//! The runs of one cell, and how they compare with those of the best.

use serde::Serialize;

use super::contender::Contender;
use crate::run::Points;
use crate::runs::Outcome;
use programs::statistics::{Paired, Summary};

/// A cell with its runs, one for each seed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entrant {
    /// The name of the cell.
    pub cell: String,
    /// The units in each recurrent layer.
    pub hidden_size: usize,
    /// The number of parameters.
    pub parameters: usize,
    /// The mean of the runs' validation losses in nats per token, unless one diverged.
    pub mean: Option<f64>,
    /// Their standard deviation, if there are several.
    pub standard_deviation: Option<f64>,
    /// The mean of the runs' figures, unless one diverged.
    pub figure: Option<f64>,
    /// The comparison with the best cell. The best itself has none.
    pub against_best: Option<AgainstBest>,
    /// The runs, in the order of the seeds.
    pub runs: Vec<Outcome>,
}

/// The differences of a cell's losses from those of the best cell, seed by seed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AgainstBest {
    /// The mean difference in nats per token.
    pub difference: f64,
    /// The p-value of the exact sign-flip test, which assumes no distribution.
    pub sign_flip_p: Option<f64>,
    /// The p-value of the paired t test, which assumes normally distributed differences.
    pub t_test_p: Option<f64>,
}

impl Entrant {
    /// Returns a contender with its runs.
    pub(super) fn new(contender: &Contender, runs: Vec<Outcome>) -> Self {
        let losses = summary(&runs, |it| it.nats);
        Self {
            cell: contender.config.model.cell.to_string(),
            hidden_size: contender.config.model.hidden_size,
            parameters: contender.parameters,
            mean: losses.map(|it| it.mean()),
            standard_deviation: losses.and_then(|it| it.standard_deviation()),
            figure: summary(&runs, |it| it.figure).map(|it| it.mean()),
            against_best: None,
            runs,
        }
    }

    /// Returns the losses, unless a run diverged.
    fn losses(&self) -> Option<Vec<f64>> {
        self.runs.iter().map(|it| it.nats).collect()
    }

    /// Compares the losses with those of `best` for the same seeds.
    pub(super) fn compare_with(&mut self, best: &Self) {
        let pairs = self.losses().zip(best.losses());
        let paired = pairs.and_then(|(own, best)| Paired::new(&own, &best).ok());
        self.against_best = paired.map(|paired| AgainstBest {
            difference: paired.summary().mean(),
            sign_flip_p: paired.sign_flip_p(),
            t_test_p: paired.t_test().map(|it| it.p),
        });
    }

    /// Returns the mean over the runs of the validation losses, which all are measured at the same steps. It ends where
    /// a run diverged.
    #[must_use]
    pub fn curve(&self) -> Points {
        let measured = self.runs.iter().map(|run| run.validation.len()).min().unwrap_or(0);
        let mean = |place: usize| {
            let sum: f64 = self.runs.iter().map(|run| run.validation[place].1).sum();
            (self.runs[0].validation[place].0, sum / self.runs.len() as f64)
        };
        (0..measured).map(mean).collect()
    }

    /// Returns the mean over the runs of a number that each run has.
    pub(super) fn mean_of(&self, number: impl Fn(&Outcome) -> f64) -> f64 {
        self.runs.iter().map(number).sum::<f64>() / self.runs.len() as f64
    }
}

/// Returns the statistics of a number, unless a run diverged and has none.
fn summary(runs: &[Outcome], number: impl Fn(&Outcome) -> Option<f64>) -> Option<Summary> {
    let numbers = runs.iter().map(number).collect::<Option<Vec<_>>>()?;
    Summary::new(&numbers).ok()
}
