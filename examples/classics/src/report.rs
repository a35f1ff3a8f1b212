//! Lists of programs and of what they found.

use std::fmt::Write;
use std::fs;

use crate::cli::Settings;
use crate::error::{Error, Result};
use crate::program::Program;
use crate::session::Outcome;

/// The programs with the texts that they come from.
pub(crate) fn list(programs: &[&Program]) -> String {
    let width = programs.iter().map(|program| program.name.len()).max().unwrap_or(0);
    let mut list = String::new();
    for Program { name, shows, sources, .. } in programs {
        let sources: Vec<String> =
            sources.iter().map(|(text, section)| format!("{text}, {section}")).collect();
        let _ = writeln!(list, "{name:width$}  {shows} [{}]", sources.join("; "));
    }
    list.trim_end().to_owned()
}

/// One line on all programs.
pub(crate) fn summary(outcomes: &[Outcome]) -> String {
    let failed: Vec<&str> =
        outcomes.iter().filter(|outcome| !outcome.holds()).map(|outcome| outcome.program).collect();
    match &failed[..] {
        [] => format!("{} programs, nothing failed", outcomes.len()),
        failed => format!("{} programs, failed: {}", outcomes.len(), failed.join(", ")),
    }
}

/// Writes the results of all programs as a page of Markdown to `results.md` in the folder of the run.
pub(crate) fn save(outcomes: &[Outcome], settings: &Settings) -> Result<()> {
    let path = settings.out.join("results.md");
    fs::write(&path, page(outcomes)).map_err(|source| Error::Write { path, source })
}

fn page(outcomes: &[Outcome]) -> String {
    let mut page = String::from(
        "# Results of the classics\n\n\
         `cargo run --release -p classics -- all --out docs/classics` wrote this page, the figures and the numbers.\n",
    );
    for outcome in outcomes {
        let _ = write!(page, "\n## {}\n\nShows that {}.\n", outcome.program, outcome.shows);
        table(&mut page, outcome);
        for figure in &outcome.figures {
            let name = figure.split('.').next().unwrap_or(figure);
            let _ = write!(
                page,
                "\n![{} of {}]({}/{figure})\n",
                name, outcome.program, outcome.program
            );
        }
    }
    page
}

fn table(page: &mut String, outcome: &Outcome) {
    let holds = |holds: Option<bool>| match holds {
        Some(true) => "holds",
        Some(false) => "**does not hold**",
        None => "not judged",
    };
    let _ = write!(page, "\n| | |\n|---|---|\n");
    for number in &outcome.numbers {
        let _ = writeln!(page, "| {} | {} |", number.name, number.value);
    }
    for check in &outcome.checks {
        let _ = writeln!(page, "| {} | {} |", check.statement, holds(check.holds));
    }
    for claim in &outcome.claims {
        let _ = writeln!(
            page,
            "| {}: \"{}\" | {}: {} |",
            claim.text, claim.claim, claim.verdict, claim.evidence
        );
    }
}
