//! Lists of programs and of what they found.

use std::fmt::{self, Write};
use std::fs;
use std::io;

use crate::cli::Settings;
use crate::error::{Error, Result};
use crate::program::Program;
use crate::session::{Check, Claim, Number, Outcome, Quote, judgement};

/// Writes the programs with the texts that they come from.
pub(crate) fn list(programs: &[&Program], out: &mut impl io::Write) -> io::Result<()> {
    let width = programs.iter().map(|program| program.name.len()).max().unwrap_or(0);
    for Program { name, shows, sources, .. } in programs {
        let sources: Vec<_> =
            sources.iter().map(|(text, section)| format!("{text}, {section}")).collect();
        writeln!(out, "{name:width$}  {shows} [{}]", sources.join("; "))?;
    }
    Ok(())
}

/// Writes one line on all programs.
pub(crate) fn summarize(outcomes: &[Outcome], out: &mut impl io::Write) -> io::Result<()> {
    let failed = outcomes.iter().filter(|outcome| !outcome.holds());
    let failed: Vec<&str> = failed.map(|outcome| outcome.program).collect();
    match &failed[..] {
        [] => writeln!(out, "{} programs, nothing failed", outcomes.len()),
        failed => writeln!(out, "{} programs, failed: {}", outcomes.len(), failed.join(", ")),
    }
}

/// Writes the results of all programs as a page of Markdown to `README.md` in the folder of the run.
pub(crate) fn save(outcomes: &[Outcome], settings: &Settings) -> Result<()> {
    let path = settings.out.join("README.md");
    fs::write(&path, page(outcomes)).map_err(|source| Error::Write { path, source })
}

fn page(outcomes: &[Outcome]) -> String {
    let mut page = String::from(
        "# Results of the classics\n\n\
         One command writes this page, the figures and the numbers:\n\
         `cargo run --release -p classics -- all --out docs/classics/results`.\n",
    );
    for outcome in outcomes {
        section(&mut page, outcome).expect("a string takes everything");
    }
    page
}

fn section(page: &mut String, outcome: &Outcome) -> fmt::Result {
    let program = outcome.program;
    writeln!(page, "\n## {program}\n\nShows that {}.\n", outcome.shows)?;
    for Number { name, value } in &outcome.numbers {
        writeln!(page, "- {name}: {value}")?;
    }
    for Check { statement, holds } in &outcome.checks {
        writeln!(page, "- {statement}: {}", judgement(*holds))?;
    }
    for Claim { text, claim, verdict, evidence, holds } in &outcome.claims {
        let judgement = judgement(*holds);
        writeln!(
            page,
            "- {text}: \u{201c}{claim}\u{201d} is **{verdict}**: {evidence}: {judgement}"
        )?;
    }
    for Quote { name, text } in &outcome.quotes {
        writeln!(page, "\n{name}:\n\n```text\n{text}\n```")?;
    }
    for figure in &outcome.figures {
        let name = figure.split('.').next().unwrap_or(figure);
        writeln!(page, "\n![{program}: {name}]({program}/{figure})")?;
    }
    Ok(())
}
