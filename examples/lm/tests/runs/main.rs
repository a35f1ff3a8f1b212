//! Comparisons and searches: tables, resumption, refusals.

mod compare;
#[cfg(unix)]
mod signals;
mod sweep;

use std::cell::Cell;
use std::fs;
use std::path::Path;

use clap::Parser;
use lm::cli::{Cli, Command};
use tempfile::TempDir;

/// Settings under which a run takes a fraction of a second.
const TINY: [&str; 13] = [
    "--quiet",
    "--layers=1",
    "--embedding-size=4",
    "--steps=12",
    "--validate-every=4",
    "--batch-size=2",
    "--window=8",
    "--learning-rate=0.02",
    "--dropout=0.2",
    "--schedule=cosine",
    "--average=exponential",
    "--average-decay=0.5",
    "--clip=1",
];

/// Returns a folder with `text.txt`, a text of a few thousand characters.
fn with_text() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let language: bptt::tasks::languages::Language = "embedded-reber".parse().expect("a language");
    fs::write(folder.path().join("text.txt"), language.generate(1, 3000)).expect("written");
    folder
}

/// Returns the arguments of the program for these words, with [`TINY`] settings, the text of the folder unless it is that
/// of a language, and results in `out`.
fn arguments(folder: &Path, out: &str, words: &[&str]) -> Vec<String> {
    let text = folder.join("text.txt").display().to_string();
    let out = folder.join(out).display().to_string();
    let shared = ["--out", &out, "--text", &text];
    let has_language = words.iter().any(|word| word.starts_with("--language"));
    let shared = if has_language { &shared[..2] } else { &shared };
    let words = words[..1].iter().chain(&TINY).chain(shared).chain(&words[1..]);
    words.map(|&word| word.to_owned()).collect()
}

/// Returns the command that these [`arguments`] give.
fn command(folder: &Path, out: &str, words: &[&str]) -> Result<Command, clap::Error> {
    let words = ["lm".to_owned()].into_iter().chain(arguments(folder, out, words));
    Cli::try_parse_from(words).map(|it| it.command)
}

/// Returns a condition that holds from the call with this number on, counted from 0.
fn from_call(number: usize) -> impl FnMut() -> bool {
    let calls = Cell::new(0);
    move || calls.replace(calls.get() + 1) >= number
}

/// Returns the weights of all runs below a folder, with their paths.
fn weights(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.ends_with("model.safetensors") {
                let name = path.strip_prefix(folder).expect("below it").display().to_string();
                found.push((name, fs::read(path).expect("a file")));
            }
        }
    }
    found.sort();
    found
}

/// Returns a table without the columns of clocks, the last two.
fn without_clocks(markdown: &str) -> String {
    let lines = markdown.lines().map(|line| {
        let cells: Vec<_> = line.split('|').collect();
        cells[..cells.len().saturating_sub(3).max(1)].join("|") + "\n"
    });
    lines.collect()
}
