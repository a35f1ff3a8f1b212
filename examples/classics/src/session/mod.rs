//! What a program is given: its budget, progress and seeds, and where its results go.

mod outcome;
mod parallel;
mod records;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use bptt::analysis::plot::Picture;
use programs::statistics::Summary;
use programs::terminal::{Bar, Signals};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cli::Settings;
use crate::error::{Error, Result};
use crate::program::{Program, Text};

pub(crate) use self::outcome::{Check, Claim, Number, Outcome, Quote, Table, judgement};
use self::outcome::{Value, Verdict};
pub(crate) use self::parallel::Queue;
use self::records::Records;

/// One run of a program.
pub(crate) struct Session {
    is_quick: bool,
    is_shortened: bool,
    folder: PathBuf,
    format: &'static str,
    signals: Arc<Signals>,
    records: Records,
    outcome: Outcome,
}

impl Session {
    pub(crate) fn new(program: &Program, settings: &Settings, signals: &Arc<Signals>) -> Self {
        Self {
            is_quick: settings.quick,
            is_shortened: false,
            folder: settings.out.join(program.name),
            format: if settings.png { "png" } else { "svg" },
            signals: Arc::clone(signals),
            records: Records::new(settings.out.join(program.name)),
            outcome: Outcome::new(program),
        }
    }

    /// Returns `full`, the number of updates, seeds or examples for results that can be judged, or in a quick run
    /// `quick`. After that, nothing is judged.
    pub(crate) fn budget(&mut self, full: usize, quick: usize) -> usize {
        self.is_shortened |= self.is_quick;
        if self.is_quick { quick } else { full }
    }

    /// Counts to `steps` from 0 and shows the progress. A signal ends it early.
    pub(crate) fn steps(&self, steps: usize) -> impl Iterator<Item = usize> + use<> {
        let mut bar = Bar::new(0, steps);
        let (name, signals) = (self.outcome.program.clone(), Arc::clone(&self.signals));
        (0..steps).take_while(move |_| signals.last().is_none()).inspect(move |step| {
            bar.advance(|_| name.clone(), |_| format!("{name}: step {step}/{steps}"));
        })
    }

    /// Runs `run` for so many numbers from 0 on all cores: for seeds, or for the places of a list. Returns the results in
    /// the order of the numbers. After a signal no further run begins, and results are missing.
    pub(crate) fn seeds<R: Send>(&self, seeds: usize, run: impl Fn(u64) -> R + Sync) -> Vec<R> {
        parallel::map(seeds, |seed| run(seed as u64), &self.outcome.program, &self.signals)
    }

    /// Lets a worker on each core take runs from a queue of so many. Returns what each worker returns.
    pub(crate) fn workers<R: Send>(
        &self,
        runs: usize,
        worker: impl Fn(&Queue<'_>) -> R + Sync,
    ) -> Vec<R> {
        let queue = Queue::new(runs, &self.outcome.program, &self.signals);
        queue.work(|| worker(&queue))
    }

    /// Keeps the result of a run for a later start of this program. A quick run keeps none.
    pub(crate) fn record(&self, result: &impl Serialize) -> Result<()> {
        if self.is_quick { Ok(()) } else { self.records.add(result) }
    }

    /// Returns the results that earlier starts have kept.
    pub(crate) fn records<R: DeserializeOwned>(&self) -> Result<Vec<R>> {
        if self.is_quick { Ok(Vec::new()) } else { self.records.read() }
    }

    /// Notes a result.
    pub(crate) fn number(&mut self, name: &str, value: f64) {
        self.outcome.numbers.push(Number {
            name: name.to_owned(),
            value: Value::One { value: value.is_finite().then_some(value) },
        });
    }

    /// Notes the results of several seeds. Returns their mean, with the interval that holds the true mean with a
    /// probability of 95 %.
    ///
    /// # Errors
    ///
    /// If there is no result, or if one is not finite.
    pub(crate) fn sample(&mut self, name: &str, values: &[f64]) -> Result<Summary> {
        let summary = Summary::new(values)?;
        self.outcome.numbers.push(Number { name: name.to_owned(), value: summary.into() });
        Ok(summary)
    }

    /// Judges a statement of this program.
    pub(crate) fn check(&mut self, statement: &str, holds: bool) {
        let holds = self.is_judged().then_some(holds);
        self.outcome.checks.push(Check { statement: statement.to_owned(), holds });
    }

    /// Judges a claim of a text. The verdict follows.
    #[must_use]
    pub(crate) fn claim<'s>(&'s mut self, text: Text, claim: &str) -> Unjudged<'s> {
        Unjudged { session: self, text, claim: claim.to_owned() }
    }

    /// Notes a text that a net has written or read.
    pub(crate) fn quote(&mut self, name: &str, text: &str) {
        self.outcome.quotes.push(Quote { name: name.to_owned(), text: text.to_owned() });
    }

    /// Notes a table.
    pub(crate) fn table(&mut self, table: Table) {
        self.outcome.tables.push(table);
    }

    /// Saves a picture under this name.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub(crate) fn figure(&mut self, name: &str, picture: &Picture) -> Result<()> {
        self.create_folder()?;
        let file = format!("{name}.{}", self.format);
        picture.save(self.folder.join(&file))?;
        self.outcome.figures.push(file);
        Ok(())
    }

    /// Writes the numbers, checks and claims to `numbers.json`, and returns them, also those from before an error. The error
    /// of a program that was stopped is not noted: it lacks results.
    ///
    /// # Errors
    ///
    /// If they cannot be written.
    pub(crate) fn finish(mut self, result: Result<()>) -> Result<Outcome> {
        if self.signals.last().is_none() {
            self.outcome.error = result.err().map(|error| error.to_string());
        }
        self.outcome.is_complete = self.is_judged() && self.outcome.error.is_none();
        self.create_folder()?;
        self.outcome.write(&self.folder)?;
        Ok(self.outcome)
    }

    /// Whether the run was neither shortened nor stopped.
    fn is_judged(&self) -> bool {
        !self.is_shortened && self.signals.last().is_none()
    }

    fn create_folder(&self) -> Result<()> {
        let write = |source| Error::Write { path: self.folder.clone(), source };
        fs::create_dir_all(&self.folder).map_err(write)
    }
}

/// A claim of a text that awaits its verdict. A run that is shortened or stopped gives none.
///
/// The verdict is what this program is known to find. `holds` is the measured condition from which it follows. If it
/// does not hold, the program fails, since the documented verdict is then wrong.
pub(crate) struct Unjudged<'s> {
    session: &'s mut Session,
    text: Text,
    claim: String,
}

impl Unjudged<'_> {
    /// The claim is right.
    pub(crate) fn confirmed(self, holds: bool, evidence: &str) {
        self.judged(Verdict::Confirmed, holds, evidence);
    }

    /// The claim is wrong.
    pub(crate) fn refuted(self, holds: bool, evidence: &str) {
        self.judged(Verdict::Refuted, holds, evidence);
    }

    /// The claim is right in part, or under conditions that the text does not name.
    pub(crate) fn qualified(self, holds: bool, evidence: &str) {
        self.judged(Verdict::Qualified, holds, evidence);
    }

    fn judged(self, verdict: Verdict, holds: bool, evidence: &str) {
        if !self.session.is_judged() {
            return;
        }
        self.session.outcome.claims.push(Claim {
            text: self.text.to_string(),
            claim: self.claim,
            verdict,
            evidence: evidence.to_owned(),
            holds,
        });
    }
}
