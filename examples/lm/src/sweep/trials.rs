//! Trials: the settings that are tried.

use std::fmt::Write;

use super::error::SweepError;
use super::space::{Axis, Draw};
use crate::config::Config;
use crate::error::Error;
use crate::runs::Planned;

/// A flag and the value that a trial gives it.
pub type Setting = (String, String);

/// Returns all combinations of the values of these flags. The values of the last flag change fastest.
#[must_use]
pub fn grid(axes: &[Axis]) -> Vec<Vec<Setting>> {
    axes.iter().fold(vec![Vec::new()], |trials, axis| {
        let with = |trial: &Vec<Setting>, value: &String| {
            trial.iter().cloned().chain([(axis.flag.clone(), value.clone())]).collect()
        };
        trials.iter().flat_map(|trial| axis.values.iter().map(move |it| with(trial, it))).collect()
    })
}

/// Returns the distinct trials of `number` draws by seed. A larger number begins with the same trials.
#[must_use]
pub fn random(draws: &[Draw], number: usize, seed: u64) -> Vec<Vec<Setting>> {
    let mut rng = bptt::rng(seed);
    let mut trials = Vec::new();
    for _ in 0..number {
        let trial = draws.iter().map(|it| (it.flag.clone(), it.value(&mut rng))).collect();
        if !trials.contains(&trial) {
            trials.push(trial);
        }
    }
    trials
}

/// Returns the run of each trial, with the other settings from `config`. The settings name it, so that another search
/// in the same folder reuses the runs of trials that it has in common.
///
/// # Errors
///
/// If a flag does not exist, is given twice or refuses a value; or if two trials are the same.
pub fn plan(config: &Config, trials: &[Vec<Setting>]) -> Result<Vec<Planned>, Error> {
    let flags = trials.first().into_iter().flatten().map(|(flag, _)| flag);
    let flags: Vec<_> = flags.collect();
    if let Some(flag) = repeated(&flags) {
        return Err(SweepError::Repeated((*flag).clone()).into());
    }
    let planned = trials.iter().map(|trial| {
        let settings = trial.iter().map(|(flag, value)| (flag.as_str(), value.as_str()));
        Ok(Planned { name: name(trial), config: config.with(settings)? })
    });
    let planned = planned.collect::<Result<Vec<_>, Error>>()?;
    let names: Vec<_> = planned.iter().map(|it| &it.name).collect();
    match repeated(&names) {
        Some(name) => Err(SweepError::Same((*name).clone()).into()),
        None => Ok(planned),
    }
}

/// Returns the first value that is there twice.
fn repeated<T: PartialEq>(values: &[T]) -> Option<&T> {
    let mut all = values.iter().enumerate();
    all.find(|(place, value)| values[..*place].contains(value)).map(|(_, value)| value)
}

/// Returns the settings as the name of a folder, such as `hidden-size=64,dropout=0.5`. Characters that a name cannot
/// have are written as `%` and their number.
fn name(trial: &[Setting]) -> String {
    let settings = trial.iter().map(|(flag, value)| format!("{flag}={value}"));
    let text = settings.collect::<Vec<_>>().join(",");
    let mut name = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            c if c.is_alphanumeric() || "-_.,=".contains(c) => name.push(c),
            c => write!(name, "%{:x}", u32::from(c)).expect("a string can always be written"),
        }
    }
    name
}
