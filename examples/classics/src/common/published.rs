//! Published results beside those of this library.

use std::fmt;

use super::curves::median;
use super::nets_of_1997::Experiment;
use crate::prelude::*;
use crate::session::Table;

/// A result of a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Published {
    /// The successful trials, in percent, if the text says it.
    pub(crate) success: Option<u8>,
    /// The mean number of sequences until success, if there was one and the text says it.
    pub(crate) sequences: Option<u64>,
    /// The mean number of wrong sequences in a final test, if there is one.
    pub(crate) wrong: Option<f64>,
}

impl Published {
    /// A result without a final test: the success in percent, and the mean number of sequences.
    pub(crate) const fn of(success: u8, sequences: u64) -> Self {
        Self { success: Some(success), sequences: Some(sequences), wrong: None }
    }

    /// The text has no such result.
    pub(crate) const NONE: Self = Self { success: None, sequences: None, wrong: None };

    /// No success.
    pub(crate) const fn never() -> Self {
        Self { success: Some(0), sequences: None, wrong: None }
    }

    /// The mean number of sequences until success.
    pub(crate) const fn after(sequences: u64) -> Self {
        Self { success: None, sequences: Some(sequences), wrong: None }
    }

    /// Adds the mean number of wrong sequences in a final test.
    pub(crate) const fn wrong(self, wrong: f64) -> Self {
        Self { wrong: Some(wrong), ..self }
    }
}

/// A column of a table: a name, and what deviates from the text.
pub(crate) type Variant = (&'static str, fn(&mut Experiment));

/// No deviation that is known.
pub(crate) const AS_DESCRIBED: Variant = ("as described", |_| {});

/// A row of a table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) label: String,
    /// The experiment as the text describes it.
    pub(crate) experiment: Experiment,
    /// Which rule of the experiment the published result is of.
    pub(crate) rule: usize,
    pub(crate) published: Published,
    /// The number of networks for each variant.
    pub(crate) trials: usize,
}

/// Compares rows, and writes their table. Its first column has a heading. Returns what [`compare`] returns of each row.
pub(crate) fn table<const N: usize>(
    session: &mut Session,
    heading: &str,
    rows: impl IntoIterator<Item = Row>,
    variants: &[Variant; N],
) -> Result<Vec<[Vec<f64>; N]>> {
    let names = variants.iter().map(|(name, _)| *name);
    let mut table = Table::new([heading, "published"].into_iter().chain(names));
    let rows = rows.into_iter().map(|row| compare(session, &mut table, row, variants));
    let found = rows.collect::<Result<_>>()?;
    session.table(table);
    Ok(found)
}

/// Trains networks for each variant of an experiment, and adds a row to a table: what was published, and when each
/// variant has satisfied the rule. Returns the numbers of sequences of successful trials, by variant.
fn compare<const N: usize>(
    session: &mut Session,
    table: &mut Table,
    Row { label, experiment, rule, published, trials: seeds }: Row,
    variants: &[Variant; N],
) -> Result<[Vec<f64>; N]> {
    let mut reproduced = [const { Vec::new() }; N];
    let mut row = vec![label.clone(), published.to_string()];
    let cap = session.budget(usize::MAX, 200);
    for ((variant, deviate), reproduced) in variants.iter().zip(&mut reproduced) {
        let mut experiment = Experiment { cap: cap.min(experiment.cap), ..experiment.clone() };
        deviate(&mut experiment);
        let trials = experiment.run(session, seeds)?;
        if trials.len() < seeds {
            row.push(format!("stopped, {} of {seeds} trials have ended", trials.len()));
            continue;
        }
        let reached: Vec<_> = trials.iter().filter_map(|trial| trial.reached.get(rule)).collect();
        *reproduced = reached.iter().map(|reached| reached.sequences as f64).collect();
        let mut text = summary(reproduced, trials.len());
        if experiment.final_test > 0 && !reached.is_empty() {
            let wrong: usize = reached.iter().map(|reached| reached.wrong).sum();
            let error: f64 = reached.iter().map(|reached| reached.error).sum();
            let count = reached.len() as f64;
            text += &format!("; {:.1} wrong, error {:.4}", wrong as f64 / count, error / count);
        }
        row.push(text);
        let name = format!("{label}, {variant}");
        let share = reproduced.len() as f64 / trials.len() as f64;
        session.number(&format!("{name}: success"), share);
        if !reproduced.is_empty() {
            session.sample(&format!("{name}: sequences"), reproduced)?;
        }
    }
    table.rows.push(row);
    Ok(reproduced)
}

/// Returns the mean number of sequences; NaN without a success.
fn mean(sequences: &[f64]) -> f64 {
    sequences.iter().sum::<f64>() / sequences.len() as f64
}

/// Writes how many trials were successful, and the mean, median and range of the sequences that they took.
fn summary(sequences: &[f64], trials: usize) -> String {
    let count = format!("{} of {trials}", sequences.len());
    if sequences.is_empty() {
        return count;
    }
    let [low, high] = [
        sequences.iter().copied().fold(f64::INFINITY, f64::min),
        sequences.iter().copied().fold(0.0, f64::max),
    ];
    let [average, middle, low, high] =
        [mean(sequences), median(sequences), low, high].map(|value| grouped(value.round() as u64));
    format!("{count}, {average} ({middle}; {low} to {high})")
}

/// Writes a number with spaces between its thousands.
fn grouped(number: u64) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{} {:03}", grouped(number / 1000), number % 1000),
    }
}

impl fmt::Display for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.success, self.sequences.map(grouped)) {
            (None, None) => f.write_str("–")?,
            (None, Some(sequences)) => f.write_str(&sequences)?,
            (Some(success), None) => write!(f, "{success} %")?,
            (Some(success), Some(sequences)) => write!(f, "{success} %, {sequences}")?,
        }
        self.wrong.iter().try_for_each(|wrong| write!(f, "; {wrong} wrong"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_written_out() {
        assert_eq!(grouped(1_007_050), "1 007 050");
        assert_eq!(summary(&[], 3), "0 of 3");
        assert_eq!(summary(&[3000.0, 100.0, 200.0], 4), "3 of 4, 1 100 (200; 100 to 3 000)");
        assert_eq!(Published::after(31_390).wrong(1.0).to_string(), "31 390; 1 wrong");
        assert_eq!(Published::of(97, 14_060).to_string(), "97 %, 14 060");
        assert_eq!(Published::never().to_string(), "0 %");
        assert_eq!(Published::NONE.to_string(), "–");
    }
}
