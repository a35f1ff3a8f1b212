//! The log of a run is read or refused. A log that was read can be written, and has a report.
#![no_main]

use std::fs;
use std::path::Path;

use bptt::analysis::record::{parse_log, read_log};
use libfuzzer_sys::fuzz_target;
use lm::run::{Event, Log, RunFiles, write_report};

fuzz_target!(|bytes: &[u8]| {
    let Ok(events) = parse_log::<Event>(bytes, Path::new("log.jsonl")) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let files = RunFiles::of(folder.path());
    let mut log = Log::create(&files.log, &files.tensorboard).expect("a writable folder");
    for event in &events {
        log.append(event).expect("a writable folder");
    }
    let again: Vec<Event> = read_log(&files.log).expect("what was written can be read");
    assert_eq!(
        format!("{events:?}"),
        format!("{again:?}"),
        "as text, because NaN differs from itself"
    );
    fs::write(&files.config, bytes).expect("a writable folder");
    match write_report(&files) {
        Ok(()) => assert!(!fs::read_to_string(&files.report).expect("UTF-8").contains("<script")),
        Err(_) => assert!(std::str::from_utf8(bytes).is_err(), "only settings can be wrong here"),
    }
});
