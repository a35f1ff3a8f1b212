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
    /// The mean number of sequences until success.
    pub(crate) sequences: u64,
    /// The mean number of wrong sequences in an exam, if there is one.
    pub(crate) wrong: Option<f64>,
}

impl Published {
    /// A result without an exam: the success in percent, and the mean number of sequences.
    pub(crate) const fn of(success: u8, sequences: u64) -> Self {
        Self { success: Some(success), sequences, wrong: None }
    }

    /// A mean number of sequences, and the mean number of wrong ones in an exam.
    pub(crate) const fn examined(sequences: u64, wrong: f64) -> Self {
        Self { success: None, sequences, wrong: Some(wrong) }
    }
}

/// Trains the variants of an experiment, and adds a row to a table: what was published of a rule, and when each variant has
/// satisfied it. Returns the numbers of sequences of successful trials, by variant.
pub(crate) fn compare<const N: usize>(
    session: &mut Session,
    table: &mut Table,
    variants: &[(&str, Experiment); N],
    (rule, published): (usize, Published),
    seeds: usize,
) -> Result<[Vec<f64>; N]> {
    let mut reproduced = [const { Vec::new() }; N];
    let (_, first) = &variants[0];
    let mut row = vec![first.name.clone(), published.to_string()];
    let cap = session.budget(usize::MAX, 200);
    for ((variant, experiment), reproduced) in variants.iter().zip(&mut reproduced) {
        let experiment = Experiment { cap: cap.min(experiment.cap), ..experiment.clone() };
        let trials = experiment.run(session, seeds)?;
        let reached: Vec<_> = trials.iter().filter_map(|trial| trial.reached.get(rule)).collect();
        *reproduced = reached.iter().map(|reached| reached.sequences as f64).collect();
        let mut text = summary(reproduced, trials.len());
        if experiment.exam > 0 && !reached.is_empty() {
            let wrong: usize = reached.iter().map(|reached| reached.wrong).sum();
            text += &format!("; {:.1} wrong", wrong as f64 / reached.len() as f64);
        }
        row.push(text);
        let name = format!("{}, {variant}", first.name);
        let share = reproduced.len() as f64 / trials.len() as f64;
        session.number(&format!("{name}: success"), share);
        if !reproduced.is_empty() {
            session.sample(&format!("{name}: sequences"), reproduced)?;
        }
    }
    table.rows.push(row);
    Ok(reproduced)
}

/// Writes how many of so many trials were successful, and the mean, median and range of the sequences that they took.
fn summary(sequences: &[f64], trials: usize) -> String {
    let count = format!("{} of {trials}", sequences.len());
    if sequences.is_empty() {
        return count;
    }
    let mean = sequences.iter().sum::<f64>() / sequences.len() as f64;
    let [low, high] = [
        sequences.iter().copied().fold(f64::INFINITY, f64::min),
        sequences.iter().copied().fold(0.0, f64::max),
    ];
    let [mean, middle, low, high] =
        [mean, median(sequences), low, high].map(|value| grouped(value.round() as u64));
    format!("{count}, {mean} ({middle}; {low} to {high})")
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
        self.success.iter().try_for_each(|success| write!(f, "{success} %, "))?;
        f.write_str(&grouped(self.sequences))?;
        self.wrong.iter().try_for_each(|wrong| write!(f, "; {wrong} wrong"))
    }
}
