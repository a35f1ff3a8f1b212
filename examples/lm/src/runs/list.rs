//! Runs one after another.

use std::path::Path;

use super::error::RunsError;
use super::outcome::Outcome;
use super::texts::Texts;
use crate::config::Config;
use crate::error::Error;
use crate::run::RunFiles;
use crate::text::Corpus;
use crate::training::{Ending, Session, Trainer, expect_same_cell};
use programs::terminal::{Progress, tell};

/// A run to make.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// The name, which is the path of the run's folder in that of the list.
    pub name: String,
    /// All settings.
    pub config: Config,
}

/// Makes the runs in order, each in a subfolder of `folder`. Returns their outcomes, or nothing if `stop` returned
/// `true`: the run was then saved, and the next call continues it.
///
/// A run that diverges ends without a score, and the others go on. The next call repeats it from its last checkpoint.
///
/// # Errors
///
/// Before the first run, if a setting or a text cannot be used, or if a folder holds a run with other settings. Later,
/// if a file cannot be read or written.
pub fn run_all(
    planned: &[Planned],
    folder: &Path,
    texts: &mut Texts,
    quiet: bool,
    mut stop: impl FnMut() -> bool,
) -> Result<Option<Vec<Outcome>>, Error> {
    for Planned { name, config } in planned {
        expect_same(config, &folder.join(name))?;
        Trainer::check(config, texts.open(&config.text)?)?;
    }
    let mut outcomes = Vec::new();
    for (place, it) in planned.iter().enumerate() {
        if !quiet {
            tell(&format!("{} ({} of {})", it.name, place + 1, planned.len()));
        }
        let corpus = texts.open(&it.config.text)?;
        match run(it, corpus, &folder.join(&it.name), quiet, &mut stop)? {
            Some(outcome) => outcomes.push(outcome),
            None => return Ok(None),
        }
    }
    Ok(Some(outcomes))
}

/// Refuses a folder whose run has other settings or another cell.
fn expect_same(config: &Config, path: &Path) -> Result<(), Error> {
    let files = RunFiles::of(path);
    if !files.checkpoint.exists() {
        return Ok(());
    }
    let changed = Config::from_file(&files.config)?.differences(config);
    match changed.into_iter().next() {
        Some(name) => Err(RunsError::OtherRun { folder: path.to_path_buf(), name }.into()),
        None => expect_same_cell(config, &files),
    }
}

/// Begins, resumes or reads the run in the folder `path`.
fn run(
    planned: &Planned,
    corpus: &Corpus,
    path: &Path,
    quiet: bool,
    stop: &mut impl FnMut() -> bool,
) -> Result<Option<Outcome>, Error> {
    let is_there = RunFiles::of(path).checkpoint.exists();
    let start = if is_there { Session::resume } else { Session::begin };
    let mut session = start(&planned.config, corpus, path)?;
    let trainer = session.trainer();
    let mut progress = match quiet || trainer.steps_done() == trainer.steps() {
        true => Progress::hidden(),
        false => Progress::new(trainer.steps_done(), trainer.steps(), "tokens"),
    };
    let ending = session.run(&mut progress, || stop().then_some(Ending::Interrupted));
    progress.finish();
    let fault = match ending {
        Ok(Ending::Finished) => None,
        Ok(ending) => return session.conclude(ending, "interrupted").map(|()| None),
        Err(Error::Diverged { fault, .. }) => Some(fault.to_string()),
        Err(error) => return Err(error),
    };
    let reason = fault.clone().map_or("finished".to_owned(), |it| format!("diverged at {it}"));
    session.conclude(Ending::Finished, &reason)?;
    Ok(Some(Outcome::of(&planned.name, &session, corpus, fault)?))
}
