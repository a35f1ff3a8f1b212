//! `--report`: the record of a training.

use std::fs;
use std::path::Path;

use bptt::analysis::record::{Entry, Record, Recording};
use tempfile::TempDir;

use crate::support::{
    argument, char_lm, file, files, periodic, place, refusal, resumed, small, stdout,
};

/// Returns the steps whose loss is recorded, and those at which the inside of the model is.
fn steps(folder: &Path) -> [Vec<u64>; 2] {
    let recording = Recording::read(folder).expect("a record");
    let of = |is: fn(&Record) -> bool| {
        recording.records().iter().filter(|it| is(it)).map(Entry::step).collect()
    };
    [of(|it| matches!(it, Record::Step { .. })), of(|it| matches!(it, Record::Details { .. }))]
}

#[test]
fn a_resumed_training_continues_its_report() {
    let folder = TempDir::new().expect("a folder");
    let (files, report) = (files(&folder), folder.path().join("report"));
    let text = file(&folder, "text.txt", periodic().as_bytes());
    let recorded = ["--report".to_owned(), argument(&report)];
    let first = [small("--steps 100 --validate-every 30"), place(&text, &files), recorded.to_vec()];
    stdout(&char_lm(&first.concat()));
    assert_eq!(steps(&report), [(1..=100).collect::<Vec<_>>(), vec![1]]);
    let longer = [resumed(&text, &files), recorded.to_vec(), vec!["--steps=200".to_owned()]];
    stdout(&char_lm(&longer.concat()));
    assert_eq!(steps(&report), [(1..=200).collect::<Vec<_>>(), vec![1, 200]]);

    let recording = Recording::read(&report).expect("a record");
    let Some(Record::Details { parameters, values, lags, .. }) =
        recording.records().iter().rfind(|it| matches!(it, Record::Details { .. }))
    else {
        panic!("there is one")
    };
    assert_eq!(parameters.len(), 9);
    let gates = values.iter().filter(|value| value.gate.is_some());
    let gates: Vec<_> = gates.map(|value| value.name.as_str()).collect();
    assert_eq!(gates, ["0.f", "0.i", "0.o", "1.f", "1.i", "1.o"]);
    let states: Vec<_> = lags.iter().map(|lags| (lags.name.as_str(), lags.norms.len())).collect();
    assert_eq!(states, [("0.h", 16), ("0.c", 16), ("1.h", 16), ("1.c", 16)]);
    let page = fs::read_to_string(report.join("report.html")).expect("UTF-8");
    assert!(page.contains("gradient of 1.c by lag"));

    let again = refusal(&first.concat());
    assert!(again.contains("holds the record of a training"), "{again}");
}

#[test]
fn a_recorded_training_prints_the_same() {
    let folder = TempDir::new().expect("a folder");
    let text = file(&folder, "text.txt", periodic().as_bytes());
    let run = |name: &str, more: Vec<String>| {
        let files = bptt::run::Files::beside(folder.path().join(format!("{name}.safetensors")));
        let output =
            char_lm(&[small("--steps 20 --dropout 0.1"), place(&text, &files), more].concat());
        let bits = fs::read(&files.checkpoint).expect("it is there");
        (stdout(&output).replace(name, ""), bits)
    };
    let report = ["--report".to_owned(), argument(&folder.path().join("report"))];
    assert!(run("plain", Vec::new()) == run("recorded", report.to_vec()));
}

/// Why the training failed is more than why its report did.
#[test]
fn a_diverging_run_says_so_even_if_its_report_fails() {
    let folder = TempDir::new().expect("a folder");
    let report = folder.path().join("report");
    fs::create_dir_all(report.join("report.html")).expect("writable");
    let text = file(&folder, "text.txt", periodic().as_bytes());
    let mut arguments = [
        small("--steps 50 --validate-every 50"),
        place(&text, &files(&folder)),
        vec!["--report".to_owned(), argument(&report)],
    ];
    let learning_rate = arguments[0].iter().position(|it| it == "0.02").expect("a rate");
    arguments[0][learning_rate] = "1e60".to_owned();
    let told = String::from_utf8(char_lm(&arguments.concat()).stderr).expect("UTF-8");
    let error = told.lines().last().expect("an error");
    assert!(error.starts_with("error: step ") && error.contains("parameter"), "{error}");
}
