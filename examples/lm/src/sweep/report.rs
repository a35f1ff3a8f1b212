//! The result of a search: a table, and files.

use std::path::Path;

use serde_json::json;

use super::trials::Setting;
use crate::error::Error;
use crate::runs::{Outcome, Table, duration};
use bptt::analysis::record::replace;

/// Trials with their outcomes, the best first.
///
/// They are sorted by bits per character, which is the order of their losses if all read the text in the same units.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    trials: Vec<(Vec<Setting>, Outcome)>,
}

impl Ranking {
    /// Sorts the trials. Those that diverged come last.
    #[must_use]
    pub fn new(trials: Vec<Vec<Setting>>, outcomes: Vec<Outcome>) -> Self {
        let mut trials: Vec<_> = trials.into_iter().zip(outcomes).collect();
        let bits = |it: &Outcome| it.bits_per_character.unwrap_or(f64::INFINITY);
        trials.sort_by(|(_, a), (_, b)| bits(a).total_cmp(&bits(b)));
        Self { trials }
    }

    /// Returns the trials, the best first.
    pub fn trials(&self) -> impl Iterator<Item = (&[Setting], &Outcome)> {
        self.trials.iter().map(|(settings, outcome)| (settings.as_slice(), outcome))
    }

    /// Returns the table.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let flags = self.trials.first().into_iter().flat_map(|(settings, _)| settings);
        let flags = flags.map(|(flag, _)| flag.as_str());
        let results = ["nats", "bits per character", "best step", "parameters", "tokens/s", "time"];
        let mut table = Table::new(["rank"].into_iter().chain(flags).chain(results));
        for (place, (settings, it)) in self.trials.iter().enumerate() {
            let number =
                |it: Option<f64>| it.map_or("diverged".to_owned(), |it| format!("{it:.4}"));
            let mut row = vec![(place + 1).to_string()];
            row.extend(settings.iter().map(|(_, value)| value.clone()));
            row.extend([
                number(it.nats),
                number(it.bits_per_character),
                it.best_step.to_string(),
                it.parameters.to_string(),
                format!("{:.0}", it.tokens_per_second),
                duration(it.seconds),
            ]);
            table.push(row);
        }
        table.to_string()
    }

    /// Writes `sweep.md`, and `sweep.jsonl` with one trial a line, in `folder`.
    ///
    /// # Errors
    ///
    /// If a file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        replace(&folder.join("sweep.md"), &self.to_markdown())?;
        let lines = self.trials.iter().map(|(settings, outcome)| {
            let settings = settings.iter().map(|(flag, value)| (flag.clone(), json!(value)));
            let settings: serde_json::Map<_, _> = settings.collect();
            json!({ "settings": settings, "outcome": outcome }).to_string() + "\n"
        });
        Ok(replace(&folder.join("sweep.jsonl"), &lines.collect::<String>())?)
    }
}
