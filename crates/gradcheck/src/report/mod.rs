//! Reports: the findings of a check.

mod html;
mod text;

use std::error::Error;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::Law;
use crate::evidence::Evidence;
use crate::violation::Violation;

pub use html::html;

/// The findings of a check of one subject, law by law.
///
/// `Display` prints a table, followed by each broken law. A broken law has the derivative that is wrong, its parameter,
/// element, step and lag, the two values, the smallest case, and the seed to replay it.
#[derive(Clone, Debug)]
#[must_use = "a report is not a test: see `holds`"]
pub struct Report {
    subject: String,
    findings: Vec<Finding>,
}

impl Report {
    pub(crate) fn new(subject: String, findings: Vec<Finding>) -> Self {
        Self { subject, findings }
    }

    /// The name of the subject that was checked.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The finding of each law, in the order in which laws were checked.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether no law is broken.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.failures().next().is_none()
    }

    /// The failures: each has a broken law, and says how it is broken.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.findings.iter().filter_map(Finding::failure)
    }

    /// The number of random cases of all laws together.
    #[must_use]
    pub fn cases(&self) -> u64 {
        self.findings.iter().map(|finding| u64::from(finding.cases)).sum()
    }

    /// The report as a self-contained page, with a histogram of the errors of each parameter at each lag.
    #[must_use]
    pub fn html(&self) -> String {
        html(&self.subject, std::slice::from_ref(self))
    }

    /// Saves the page as `<subject>.html` in a folder, which is created if it does not exist.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn save_in(&self, folder: &Path) -> Result<PathBuf, SaveError> {
        let plain = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' };
        let file: String = self.subject.chars().map(plain).collect();
        let path = folder.join(format!("{file}.html"));
        let saved = fs::create_dir_all(folder).and_then(|()| fs::write(&path, self.html()));
        match saved {
            Ok(()) => Ok(path),
            Err(source) => Err(SaveError { path, source }),
        }
    }
}

/// A report that could not be saved.
#[derive(Debug)]
pub struct SaveError {
    path: PathBuf,
    source: io::Error,
}

impl fmt::Display for SaveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write the report {}: {}", self.path.display(), self.source)
    }
}

impl Error for SaveError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

/// The finding of one law.
#[derive(Clone, Debug)]
pub struct Finding {
    law: Law,
    cases: u32,
    evidence: Evidence,
    failure: Option<Failure>,
}

impl Finding {
    pub(crate) fn new(law: Law, cases: u32, evidence: Evidence, failure: Option<Failure>) -> Self {
        Self { law, cases, evidence, failure }
    }

    /// The law.
    #[must_use]
    pub fn law(&self) -> Law {
        self.law
    }

    /// The number of random cases on which it was checked.
    #[must_use]
    pub fn cases(&self) -> u32 {
        self.cases
    }

    /// The number of comparisons, and their errors.
    #[must_use]
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// The failure, if the law is broken.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }
}

/// A broken law, with the case that breaks it.
#[derive(Clone, Debug)]
pub struct Failure {
    law: Law,
    seed: u64,
    case: String,
    violation: Violation,
}

impl Failure {
    pub(crate) fn new(law: Law, seed: u64, case: String, violation: Violation) -> Self {
        Self { law, seed, case, violation }
    }

    /// The law.
    #[must_use]
    pub fn law(&self) -> Law {
        self.law
    }

    /// The seed that [`Check::replay`](crate::Check::replay) takes.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The smallest case found that breaks the law.
    #[must_use]
    pub fn case(&self) -> &str {
        &self.case
    }

    /// How that case breaks it.
    #[must_use]
    pub fn violation(&self) -> &Violation {
        &self.violation
    }
}
