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
    let failed: Vec<&str> = failed.map(|outcome| &*outcome.program).collect();
    match &failed[..] {
        [] => writeln!(out, "{} programs, nothing failed", outcomes.len()),
        failed => writeln!(out, "{} programs, failed: {}", outcomes.len(), failed.join(", ")),
    }
}

/// Writes the results of all programs that have run with this folder, now or before, as a page of Markdown: `README.md`.
pub(crate) fn save(programs: &[&Program], settings: &Settings) -> Result<()> {
    let outcomes = programs.iter().map(|program| Outcome::read(&settings.out.join(program.name)));
    let outcomes: Vec<Outcome> = outcomes.filter_map(Result::transpose).collect::<Result<_>>()?;
    let path = settings.out.join("README.md");
    fs::write(&path, page(&outcomes)).map_err(|source| Error::Write { path, source })
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
    let Outcome { program, shows, error, numbers, checks, claims, quotes, tables, figures, .. } =
        outcome;
    writeln!(page, "\n## {program}\n\nShows that {shows}.\n")?;
    if let Some(error) = error {
        writeln!(page, "- It ended with an error: {error}")?;
    }
    for Claim { text, claim, verdict, evidence, holds } in claims {
        let judgement = judgement(Some(*holds));
        writeln!(
            page,
            "- {text}: \u{201c}{claim}\u{201d} is **{verdict}** ({judgement}): {evidence}"
        )?;
    }
    for Check { statement, holds } in checks {
        writeln!(page, "- {statement}: {}", judgement(*holds))?;
    }
    for table in tables {
        write!(page, "\n{table}")?;
    }
    for figure in figures {
        let name = figure.split('.').next().unwrap_or(figure);
        writeln!(page, "\n![{program}: {name}]({program}/{figure})")?;
    }
    for Quote { name, text } in quotes {
        writeln!(page, "\n{name}:\n\n```text\n{text}\n```")?;
    }
    if !numbers.is_empty() {
        writeln!(page, "\n<details><summary>Numbers</summary>\n\n| | |\n|---|---|")?;
        for Number { name, value } in numbers {
            writeln!(page, "| {} | {value} |", name.replace('|', "\\|"))?;
        }
        writeln!(page, "\n</details>")?;
    }
    Ok(())
}
