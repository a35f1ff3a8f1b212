//! Reports as text.

use std::fmt;

use super::{Failure, Finding, Report};
use crate::violation::Violation;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let broken = self.failures().count();
        let laws = self.findings.len();
        match broken {
            0 => writeln!(f, "{}: all {laws} laws hold in {} cases", self.subject, self.cases())?,
            _ => writeln!(f, "{}: {broken} of {laws} laws broken", self.subject)?,
        }
        let name = |finding: &Finding| finding.law().name().chars().count();
        let width = self.findings.iter().map(name).max().unwrap_or(0);
        writeln!(f, "  {:width$}  cases  compared  excluded  largest error", "law")?;
        for finding in &self.findings {
            write_line(f, finding, width)?;
        }
        for failure in self.failures() {
            write!(f, "\n{failure}")?;
        }
        Ok(())
    }
}

fn write_line(f: &mut fmt::Formatter<'_>, finding: &Finding, width: usize) -> fmt::Result {
    let (law, evidence) = (finding.law().name(), finding.evidence());
    let (cases, compared, excluded) = (finding.cases(), evidence.compared(), evidence.excluded());
    write!(f, "  {law:width$}  {cases:5}  {compared:8}  {excluded:8}  ")?;
    match finding.failure() {
        Some(_) => writeln!(f, "BROKEN"),
        None => writeln!(f, "{:.1e}", evidence.worst()),
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { law, seed, case, violation } = self;
        writeln!(f, "broken: {law}: {}", law.statement())?;
        writeln!(f, "  {violation}")?;
        if *violation == Violation::NothingCompared {
            return Ok(());
        }
        writeln!(f, "  smallest case: {case}")?;
        writeln!(f, "  to replay: .only(&[Law::{law:?}]).replay({seed:#018x})")
    }
}
