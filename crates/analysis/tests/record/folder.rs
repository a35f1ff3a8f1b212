//! The folder of a record: created, resumed, damaged, and without room.

use std::fs;
use std::path::Path;

use bptt_analysis::record::{Record, RecordError, Recorder, Recording};

use crate::support::{folder, lstm, read};

const LINES: &str = "record.jsonl";
const SUMMARIES: &str = "events.out.tfevents.bptt";

/// Records these steps of a training, each with a validation, as they come from the beginning.
fn record(recorder: &mut Recorder, steps: std::ops::RangeInclusive<usize>) {
    let mut training = lstm(0.01);
    let elsewhere = folder();
    let mut other = Recorder::create(elsewhere.path()).expect("a new record").every(2);
    for step in 1..=*steps.end() {
        let recorder = if steps.contains(&step) { &mut *recorder } else { &mut other };
        let loss = training.step(recorder).expect("a writable folder");
        recorder.validation(step, 2.0 * loss).expect("a writable folder");
    }
}

/// Returns the records without times.
fn timeless(folder: &Path) -> Vec<Record> {
    let mut records = read(folder);
    for record in &mut records {
        match record {
            Record::Start { unix_seconds: time }
            | Record::Step { seconds: time, .. }
            | Record::Validation { seconds: time, .. }
            | Record::Details { seconds: time, .. } => *time = 0.0,
            _ => unreachable!("there are no others"),
        }
    }
    records
}

#[test]
fn a_resumed_record_is_that_of_a_training_never_stopped() {
    let whole = folder();
    let mut recorder = Recorder::create(whole.path()).expect("a new record").every(2);
    record(&mut recorder, 1..=6);
    for torn in ["", "{\"entry\":\"st", "\0\0\0"] {
        let stopped = folder();
        let path = stopped.path();
        let mut recorder = Recorder::create(path).expect("a new record").every(2);
        record(&mut recorder, 1..=5);
        drop(recorder);
        let text = fs::read_to_string(path.join(LINES)).expect("UTF-8");
        fs::write(path.join(LINES), text + torn).expect("a writable folder");

        // the last checkpoint was saved after three steps
        let mut recorder = Recorder::resume(path, 3).expect("a record is there").every(2);
        record(&mut recorder, 4..=6);
        assert_eq!(timeless(path), timeless(whole.path()), "{torn:?}");
        let lengths = [path, whole.path()].map(|path| fs::metadata(path.join(SUMMARIES)));
        let [a, b] = lengths.map(|file| file.expect("it is there").len());
        assert_eq!(a, b, "each summary is there once");
    }
}

#[test]
fn the_clock_of_a_resumed_record_goes_on() {
    let folder = folder();
    let mut recorder = Recorder::create(folder.path()).expect("a new record");
    record(&mut recorder, 1..=3);
    drop(recorder);
    let mut recorder = Recorder::resume(folder.path(), 3).expect("a record is there");
    record(&mut recorder, 4..=4);
    let seconds = read(folder.path()).into_iter().filter_map(|record| match record {
        Record::Step { seconds, .. } => Some(seconds),
        _ => None,
    });
    assert!(seconds.collect::<Vec<_>>().is_sorted_by(|a, b| a < b));
}

#[test]
fn a_record_is_kept() {
    let folder = folder();
    let path = folder.path().join("a/new/one");
    let missing = Recorder::resume(&path, 0).expect_err("nothing is there");
    assert!(matches!(missing, RecordError::Missing { .. }), "{missing}");
    assert!(matches!(Recording::read(&path), Err(RecordError::Missing { .. })));

    let mut recorder = Recorder::create(&path).expect("a new record");
    record(&mut recorder, 1..=2);
    let taken = Recorder::resume(&path, 2).expect_err("it is locked");
    assert!(matches!(taken, RecordError::Taken { .. }), "{taken}");
    drop(recorder);
    let before = read(&path);
    let exists = Recorder::create(&path).expect_err("a record is there");
    assert!(matches!(exists, RecordError::Exists { .. }), "{exists}");
    assert_eq!(read(&path), before);
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error() {
    let folder = folder();
    let file = folder.path().join("file");
    fs::write(&file, "").expect("a writable folder");
    let error = Recorder::create(&file).expect_err("a file is no folder");
    assert!(matches!(error, RecordError::Write { .. }), "{error}");

    let path = folder.path().join("record");
    fs::create_dir_all(path.join(LINES)).expect("a writable folder");
    fs::remove_dir(path.join(LINES)).expect("a writable folder");
    fs::create_dir(path.join(SUMMARIES)).expect("a writable folder");
    let error = Recorder::create(&path).expect_err("a folder is in the way");
    assert!(error.to_string().contains(SUMMARIES), "{error}");
}

#[test]
fn a_damaged_record_stays_as_it_is() {
    let folder = folder();
    let mut recorder = Recorder::create(folder.path()).expect("a new record");
    record(&mut recorder, 1..=3);
    drop(recorder);
    let lines = folder.path().join(LINES);
    let good = fs::read_to_string(&lines).expect("UTF-8");
    let (first, rest) = good.split_once('\n').expect("a line");
    for (damaged, message) in [
        (good.replacen("\"loss\"", "\"moss\"", 1), "record.jsonl:2: "),
        (format!("{first}\nnoise\n{rest}"), "record.jsonl:2: "),
        (rest.to_owned(), "does not begin with the start"),
    ] {
        fs::write(&lines, &damaged).expect("a writable folder");
        let error = Recorder::resume(folder.path(), 3).expect_err("it is damaged").to_string();
        assert!(error.contains(message), "{error}");
        assert_eq!(fs::read_to_string(&lines).expect("UTF-8"), damaged);
    }
}

/// `/dev/full` is a device that is always full.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_and_loses_nothing() {
    use std::os::unix::fs::symlink;
    let folder = folder();
    let path = folder.path();
    symlink("/dev/full", path.join(LINES)).expect("a writable folder");
    let error = Recorder::create(path).expect_err("it is full");
    assert!(matches!(error, RecordError::Write { .. }), "{error}");

    fs::remove_file(path.join(LINES)).expect("a writable folder");
    let mut recorder = Recorder::create(path).expect("a new record");
    record(&mut recorder, 1..=3);
    drop(recorder);
    let lines = fs::read(path.join(LINES)).expect("it is there");
    fs::remove_file(path.join(SUMMARIES)).expect("a writable folder");
    symlink("/dev/full", path.join(SUMMARIES)).expect("a writable folder");
    let error = Recorder::resume(path, 2).expect_err("it is full").to_string();
    assert!(error.contains("No space left on device"), "{error}");
    assert!(fs::read(path.join(LINES)).expect("it is there") == lines);
}

#[test]
fn a_page_that_cannot_be_written_is_an_error() {
    let folder = folder();
    let recorder = Recorder::create(folder.path()).expect("a new record");
    let page = folder.path().join("report.html");
    fs::create_dir(&page).expect("a writable folder");
    let error = recorder.report().expect_err("a folder is in the way");
    assert!(matches!(&error, RecordError::Write { path, .. } if *path == page), "{error}");
    let names = fs::read_dir(folder.path()).expect("a folder").flatten().map(|it| it.file_name());
    let mut names: Vec<_> = names.collect();
    names.sort();
    assert_eq!(names, [SUMMARIES, LINES, "record.lock", "report.html"], "nothing else is left");
}

/// A program that is killed at the start may leave an empty file.
#[test]
fn an_empty_file_is_no_record() {
    let folder = folder();
    fs::write(folder.path().join(LINES), "").expect("a writable folder");
    let missing = Recorder::resume(folder.path(), 3).expect_err("nothing is there");
    assert!(matches!(missing, RecordError::Missing { .. }), "{missing}");
    assert!(matches!(Recording::read(folder.path()), Err(RecordError::Missing { .. })));
    Recorder::create(folder.path()).expect("nothing is in the way");
}
