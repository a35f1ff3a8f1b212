//! The result of a comparison: a table, and files.

use std::path::Path;

use serde::Serialize;

use super::baselines::Baseline;
use super::contender::Contender;
use super::verdict::Entrant;
use crate::error::Error;
use crate::run::draw_comparison;
use crate::runs::{Figure, Outcome, Table, duration};
use bptt::analysis::record::replace;

/// The result of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The number of parameters that each model should have.
    pub parameters: usize,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// The name of the figures.
    pub figure: &'static str,
    /// The cells, the best first.
    pub cells: Vec<Entrant>,
    /// The baselines on the same text.
    pub baselines: Vec<Baseline>,
}

impl Comparison {
    /// Returns the result of the runs that [`plan`](super::plan) returned.
    ///
    /// # Panics
    ///
    /// If these are not the outcomes of all of them.
    #[must_use]
    pub fn new(
        contenders: &[Contender],
        seeds: &[u64],
        parameters: usize,
        outcomes: &[Outcome],
        figure: Figure,
    ) -> Self {
        assert_eq!(outcomes.len(), contenders.len() * seeds.len(), "each cell with each seed");
        let of = |place: usize| outcomes.iter().skip(place).step_by(contenders.len()).cloned();
        let cells = contenders.iter().enumerate();
        let mut cells: Vec<_> =
            cells.map(|(place, it)| Entrant::new(it, of(place).collect())).collect();
        cells.sort_by(|a, b| rank(a.mean).total_cmp(&rank(b.mean)));
        if let Some((best, others)) = cells.split_first_mut() {
            others.iter_mut().for_each(|it| it.compare_with(best));
        }
        let seeds = seeds.to_vec();
        Self { parameters, seeds, figure: figure.name(), cells, baselines: Vec::new() }
    }

    /// Adds the baselines on the same text.
    #[must_use]
    pub fn beside(self, baselines: Vec<Baseline>) -> Self {
        Self { baselines, ..self }
    }

    /// Returns the table, sorted by the loss, with notes on how to read it.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut table = Table::new([
            "model",
            "hidden size",
            "parameters",
            "nats",
            self.figure,
            "p (sign flip)",
            "p (t test)",
            "tokens/s",
            "time",
        ]);
        let cells = self.cells.iter().map(|it| (rank(it.mean), self.row(it)));
        let baselines = self.baselines.iter().map(|it| (it.nats, baseline_row(it)));
        let mut rows: Vec<_> = cells.chain(baselines).collect();
        rows.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        rows.into_iter().for_each(|(_, row)| table.push(row));
        format!("{table}\n{}", self.notes())
    }

    fn row(&self, it: &Entrant) -> Vec<String> {
        let nats = match (it.mean, it.standard_deviation) {
            (Some(mean), Some(deviation)) => format!("{mean:.4} ± {deviation:.4}"),
            (Some(mean), None) => format!("{mean:.4}"),
            (None, _) => "diverged".to_owned(),
        };
        let [sign_flip, t_test] = match &it.against_best {
            Some(it) => [it.sign_flip_p, it.t_test_p].map(p_value),
            None => [String::new(), String::new()],
        };
        let excess = it.parameters as f64 / self.parameters as f64 - 1.0;
        vec![
            it.cell.clone(),
            it.hidden_size.to_string(),
            format!("{} ({:+.1} %)", it.parameters, 100.0 * excess),
            nats,
            it.figure.map_or_else(String::new, |it| format!("{it:.4}")),
            sign_flip,
            t_test,
            format!("{:.0}", it.mean_of(|run| run.tokens_per_second)),
            duration(it.mean_of(|run| run.seconds)),
        ]
    }

    /// Returns how to read the table.
    fn notes(&self) -> String {
        let (seeds, runs) = (self.seeds.len(), self.cells.iter().flat_map(|it| &it.runs));
        let mut notes = format!(
            "Loss on the validation text, mean ± standard deviation over {seeds} {}. The same text chose the step of the \
             weights, and the order of n-grams. Budget: {} parameters. The time is that of one run.\n",
            if seeds == 1 { "seed" } else { "seeds" },
            self.parameters,
        );
        if self.cells.len() > 1 {
            notes += &power(seeds);
        }
        for run in runs {
            if let Some(fault) = &run.diverged {
                notes += &format!("{} diverged at {fault}.\n", run.name);
            }
        }
        notes
    }

    /// Writes `comparison.md`, `comparison.json` and the curves, `comparison.svg`, in `folder`.
    ///
    /// # Errors
    ///
    /// If a file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        let curves: Vec<_> = self.cells.iter().map(|it| (it.cell.clone(), it.curve())).collect();
        replace(&folder.join("comparison.svg"), &draw_comparison(&curves))?;
        replace(&folder.join("comparison.md"), &self.to_markdown())?;
        let json = serde_json::to_string_pretty(self).expect("plain values");
        Ok(replace(&folder.join("comparison.json"), &(json + "\n"))?)
    }
}

/// Returns what the paired tests can tell with so many seeds.
fn power(seeds: usize) -> String {
    let least = 2.0 * 0.5_f64.powi(i32::try_from(seeds).unwrap_or(i32::MAX));
    let what = "p: paired tests against the best cell, seed by seed, two-sided and not corrected for their number.";
    if least <= 0.05 {
        return format!("{what}\n");
    }
    format!(
        "{what} With {seeds} the sign-flip test cannot go below {least}: take 6 --seeds or more to reach 0.05.\n",
        seeds = if seeds == 1 { "one seed".to_owned() } else { format!("{seeds} seeds") },
    )
}

/// Returns the loss by which to sort. Runs that diverged come last.
fn rank(nats: Option<f64>) -> f64 {
    nats.unwrap_or(f64::INFINITY)
}

fn p_value(p: Option<f64>) -> String {
    match p {
        Some(p) if p < 0.0001 => "<0.0001".to_owned(),
        Some(p) => format!("{p:.4}"),
        None => String::new(),
    }
}

fn baseline_row(it: &Baseline) -> Vec<String> {
    let mut row = vec![String::new(); 9];
    row[0].clone_from(&it.name);
    row[3] = format!("{:.4}", it.nats);
    row[4] = format!("{:.4}", it.figure);
    row
}
