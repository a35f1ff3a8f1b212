//! The report of a run: one page that needs no other file.

use std::fmt::Display;

use bptt::analysis::record::{Entry, read_log, replace};
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use super::curves::curves;
use super::error::RunFolderError;
use super::event::{Event, Size, median_speed};
use super::files::RunFiles;
use crate::evaluation::Score;

const TEMPLATE: &str = include_str!("report.html");

/// Draws `curves.svg` and writes `report.html` from `config.toml` and `log.jsonl`. Both are functions of these files.
///
/// # Errors
///
/// If a file cannot be read or written, or if the log is damaged.
pub fn write_report(files: &RunFiles) -> Result<(), RunFolderError> {
    let config = files.read_config()?;
    let events = read_log(&files.log)?;
    let curves = curves(&events);
    replace(&files.curves, &curves)?;
    Ok(replace(&files.report, &render(&Report::new(&events, &config, &curves)))?)
}

/// Returns the page. The engine escapes every text but the drawing.
fn render(report: &Report<'_>) -> String {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    let page = engine.render_named_str("report.html", TEMPLATE, Serde(report));
    page.expect("the template is a valid constant, and fits the report")
}

/// What the template shows.
#[derive(Debug, Serialize)]
struct Report<'a> {
    start: &'a Event,
    train: String,
    validation: String,
    parameters: String,
    steps: String,
    time: String,
    scores: Vec<Row>,
    samples: Vec<Remark<'a>>,
    notes: Vec<Remark<'a>>,
    config: &'a str,
    curves: &'a str,
}

/// A line of the table of losses.
#[derive(Debug, Serialize)]
struct Row {
    name: &'static str,
    step: String,
    nats: String,
    perplexity: String,
    bits_per_character: String,
    perplexity_per_word: String,
}

/// A text of the log.
#[derive(Debug, Serialize)]
struct Remark<'a> {
    step: u64,
    text: &'a str,
}

impl<'a> Report<'a> {
    /// Returns the report of a log, which begins with an [`Event::Start`].
    fn new(events: &'a [Event], config: &'a str, curves: &'a str) -> Self {
        let [start @ Event::Start { parameters, train, validation, steps, .. }, rest @ ..] = events
        else {
            unreachable!("a log begins with its start");
        };
        let remark = |event: &'a Event| match event {
            Event::Note { step, text } => Some(Remark { step: *step, text }),
            _ => None,
        };
        let sample = |event: &'a Event| match event {
            Event::Sample { step, text } => Some(Remark { step: *step, text }),
            _ => None,
        };
        Self {
            start,
            train: told(*train),
            validation: told(*validation),
            parameters: grouped(*parameters),
            steps: progress(rest, *steps),
            time: time(rest),
            scores: scores(rest, *validation),
            samples: rest.iter().filter_map(sample).collect(),
            notes: rest.iter().filter_map(remark).collect(),
            config,
            curves,
        }
    }
}

/// Returns the steps made, and why the run ended.
fn progress(events: &[Event], planned: u64) -> String {
    let done = events.iter().map(Event::step).max().unwrap_or(0);
    let reason = events.iter().rev().find_map(|event| match event {
        Event::End { reason, .. } => Some(reason.as_str()),
        _ => None,
    });
    let reason = reason.unwrap_or("not ended");
    format!("{} of {}, {reason}", grouped(done), grouped(planned))
}

/// Returns the time and the mean speed of training.
fn time(events: &[Event]) -> String {
    let seconds = events.iter().rev().find_map(Event::seconds).unwrap_or(0.0);
    let speed = grouped(median_speed(events) as u64);
    let (hours, minutes) = ((seconds / 3600.0).floor(), (seconds / 60.0).floor() % 60.0);
    let clock = format!("{hours}:{minutes:02}:{:02} hours", (seconds % 60.0).floor());
    format!("{clock}, {speed} tokens per second in training (median)")
}

/// Returns the table of losses: the best and the last validation, and the test.
fn scores(events: &[Event], validation: Size) -> Vec<Row> {
    let mut best = None;
    let mut last = None;
    let mut test = None;
    for event in events {
        match *event {
            Event::Validation { step, nats, best: is_best, .. } => {
                last = Some(row("last validation", step, nats, validation));
                if is_best {
                    best = Some(row("best validation", step, nats, validation));
                }
            }
            Event::Test { step, nats, size, .. } => test = Some(row("test", step, nats, size)),
            _ => {}
        }
    }
    [best, last, test].into_iter().flatten().collect()
}

fn row(name: &'static str, step: u64, nats: f64, size: Size) -> Row {
    let Size { tokens, characters, words } = size;
    let score = Score { nats, tokens, characters: characters as f64, words: words as f64 };
    Row {
        name,
        step: grouped(step),
        nats: format!("{nats:.4}"),
        perplexity: format!("{:.2}", score.perplexity()),
        bits_per_character: format!("{:.4}", score.bits_per_character()),
        perplexity_per_word: format!("{:.2}", score.perplexity_per_word()),
    }
}

fn told(size: Size) -> String {
    let [tokens, characters, words] = [size.tokens, size.characters, size.words].map(grouped);
    format!("{tokens} tokens, {characters} characters, {words} words")
}

/// Returns a number with its digits in groups of three.
fn grouped(number: impl Display) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push('\u{202f}'); // a narrow space
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::super::tests::{start, step};
    use super::*;

    /// Writes the report of a run with these events and settings, and returns the page and the drawing.
    fn written(events: &[Event], config: &str) -> [String; 2] {
        let folder = TempDir::new().expect("a folder");
        let files = RunFiles::of(folder.path());
        let line = |event| serde_json::to_string(event).expect("JSON") + "\n";
        fs::write(&files.log, events.iter().map(line).collect::<String>()).expect("writable");
        files.write_config(config).expect("writable");
        write_report(&files).expect("its own log");
        [&files.report, &files.curves].map(|path| fs::read_to_string(path).expect("UTF-8"))
    }

    /// Returns the cells of the row that begins with this name.
    fn cells<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
        let row = page.split_once(&format!("<tr><th>{name}</th>")).expect("it is in the page").1;
        let row = row.split("</tr>").next().expect("a row");
        row.split("<td>").skip(1).map(|cell| cell.trim_end_matches("</td>")).collect()
    }

    fn measured(step: u64, nats: f64, best: bool) -> Event {
        Event::Validation { step, nats, best, seconds: 3725.9 }
    }

    /// The validation part has 100 tokens of two characters each, in 50 words. At two bits for each token, the
    /// perplexity is 4 for each token and 16 for each word.
    #[test]
    fn losses_are_told_per_token_character_and_word() {
        let mut start = start();
        if let Event::Start { validation, parameters, .. } = &mut start {
            *validation = Size { tokens: 100, characters: 200, words: 50 };
            *parameters = 1_234_567;
        }
        let bits = std::f64::consts::LN_2;
        let size = Size { tokens: 10, characters: 10, words: 10 };
        let events = [
            start,
            step(1),
            measured(1000, 2.0 * bits, true),
            measured(2000, 3.0 * bits, false),
            Event::Test { step: 2000, nats: bits, size, seconds: 3725.9 },
            Event::End { step: 2000, reason: "finished".to_owned(), seconds: 3725.9 },
        ];
        let [page, _] = written(&events, "seed = 1\n");
        let best = ["1\u{202f}000", "1.3863", "4.00", "1.0000", "16.00"];
        assert_eq!(cells(&page, "best validation"), best);
        let last = ["2\u{202f}000", "2.0794", "8.00", "1.5000", "64.00"];
        assert_eq!(cells(&page, "last validation"), last);
        assert_eq!(cells(&page, "test"), ["2\u{202f}000", "0.6931", "2.00", "1.0000", "2.00"]);
        assert_eq!(cells(&page, "parameters"), ["1\u{202f}234\u{202f}567"]);
        assert_eq!(cells(&page, "steps"), ["2\u{202f}000 of 100, finished"]);
        let speed = "12\u{202f}345 tokens per second in training (median)";
        assert_eq!(cells(&page, "time"), [format!("1:02:05 hours, {speed}")]);
        assert!(page.contains("<pre>seed = 1\n</pre>"), "{page}");
    }

    #[test]
    fn texts_are_escaped() {
        let hostile = "</pre><script>alert('&')</script>";
        let mut start = start();
        if let Event::Start { model, text, units, version, .. } = &mut start {
            for field in [model, text, units, version] {
                hostile.clone_into(field);
            }
        }
        let events = [
            start,
            Event::Sample { step: 1, text: hostile.to_owned() },
            Event::Note { step: 1, text: hostile.to_owned() },
            Event::End { step: 1, reason: hostile.to_owned(), seconds: 1.0 },
        ];
        let [page, _] = written(&events, hostile);
        assert!(!page.contains("<script"), "{page}");
        assert_eq!(page.matches("&lt;script&gt;").count(), 9);
    }

    #[test]
    fn a_page_needs_no_other_file_and_is_the_same_each_time() {
        let events = [start(), step(1), step(2), measured(2, 1.0, true)];
        let pages = [(); 2].map(|()| written(&events, "seed = 1\n"));
        assert_eq!(pages[0], pages[1]);
        let [page, curves] = &pages[0];
        for reference in ["src=", "href=", "url(", "@import", "<link", "file:"] {
            assert!(!page.contains(reference), "{reference}");
        }
        assert!(page.contains(curves.as_str()), "the curves are inside");
    }

    #[test]
    fn a_run_that_has_only_begun_has_a_report() {
        let [page, _] = written(&[start()], "");
        assert!(page.contains("There is no measurement yet."));
        assert_eq!(cells(&page, "steps"), ["0 of 100, not ended"]);
    }

    #[test]
    fn digits_are_grouped_in_threes() {
        let numbers =
            [0, 999, 1000, 1_234_567].map(|number| grouped(number).replace('\u{202f}', " "));
        assert_eq!(numbers, ["0", "999", "1 000", "1 234 567"]);
    }
}
