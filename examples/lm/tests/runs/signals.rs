//! Signals that stop `lm compare` and `lm sweep`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use super::{arguments, weights, with_text, without_clocks};

/// Steps enough that a run is still at work when the signal of its first measurement arrives.
const STEPS: [&str; 2] = ["--steps=240", "--validate-every=20"];

fn lm(folder: &Path, out: &str, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lm"));
    command.args(arguments(folder, out, &[words, &STEPS].concat()));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Returns the table of a call that ends by itself.
fn table(folder: &Path, out: &str, words: &[&str]) -> String {
    let Output { status, stdout, stderr } = lm(folder, out, words).output().expect("it starts");
    assert_eq!(status.code(), Some(0), "{}", String::from_utf8_lossy(&stderr));
    without_clocks(&String::from_utf8(stdout).expect("UTF-8"))
}

/// Sends the signal once `run` has measured, and asserts that the call then ends with this status and without a table.
fn stop(folder: &Path, words: &[&str], run: &str, (signal, status): (&str, i32)) {
    let mut child = lm(folder, "parts", words).spawn().expect("it starts");
    let log = folder.join("parts").join(run).join("log.jsonl");
    let has_measured =
        || fs::read_to_string(&log).is_ok_and(|it| it.contains("\"event\":\"validation\""));
    while !has_measured() {
        assert!(child.try_wait().expect("it is a child").is_none(), "it ended before {run}");
        sleep(Duration::from_millis(2));
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().expect("a command").success());
    let Output { status: ended, stdout, stderr } = child.wait_with_output().expect("it ends");
    let told = String::from_utf8_lossy(&stderr);
    assert_eq!(ended.code(), Some(status), "{told}");
    assert!(stdout.is_empty(), "no table");
    assert_eq!(told.lines().last(), Some("saved; the same command goes on from here"), "{told}");
}

/// Asserts that calls stopped in the first and in the third of four runs end like one that was left alone.
fn assert_goes_on(words: &[&str], runs: [&str; 4], table_file: &str) {
    let folder = with_text();
    let folder = folder.path();
    let whole = table(folder, "whole", words);
    let parts = folder.join("parts");
    stop(folder, words, runs[0], ("-INT", 130));
    stop(folder, words, runs[2], ("-TERM", 143));
    assert_eq!(runs.map(|run| parts.join(run).exists()), [true, true, true, false]);
    assert!(!parts.join(table_file).exists());
    // the log has times, which another run would change
    let finished = || {
        [0, 1].map(|place| {
            fs::read_to_string(parts.join(runs[place]).join("log.jsonl")).expect("a log")
        })
    };
    let kept = finished();
    assert_eq!(table(folder, "parts", words), whole);
    assert!(parts.join(table_file).exists());
    assert!(finished() == kept, "finished runs stay as they are");
    assert!(weights(&parts) == weights(&folder.join("whole")), "the same bits");
}

#[test]
fn a_comparison_stopped_by_signals_goes_on_to_the_same_table() {
    let words = ["compare", "--cells=lstm,mine", "--seeds=1,2", "--parameters=700", "--ngrams=2"];
    let runs = ["lstm/seed-1", "mine/seed-1", "lstm/seed-2", "mine/seed-2"];
    assert_goes_on(&words, runs, "comparison.md");
}

#[test]
fn a_sweep_stopped_by_signals_goes_on_to_the_same_table() {
    let words = ["sweep", "--grid=hidden-size=4,8", "--grid=learning-rate=0.001,0.02"];
    let run = |size, rate| format!("hidden-size={size},learning-rate={rate}");
    let runs = [run(4, "0.001"), run(4, "0.02"), run(8, "0.001"), run(8, "0.02")];
    assert_goes_on(&words, runs.each_ref().map(String::as_str), "sweep.md");
}
