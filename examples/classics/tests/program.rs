//! The program as a user runs it.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

fn classics(arguments: &[&str], out: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_classics"));
    command.args(arguments).arg("--out").arg(out);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn a_program_writes_numbers_pictures_and_the_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path();
    for (arguments, picture) in
        [(&["automaton"][..], "units.svg"), (&["automaton", "--png"], "units.png")]
    {
        let Output { status, stdout, .. } = classics(arguments, out).output().expect("it starts");
        assert_eq!(status.code(), Some(0));
        assert!(String::from_utf8(stdout).expect("UTF-8").contains(": holds"));
        assert!(out.join("automaton").join(picture).exists());
    }
    let page = std::fs::read_to_string(out.join("README.md")).expect("the page");
    assert!(page.contains("## automaton") && page.contains("automaton/units.png"));
}

#[test]
fn a_misspelled_program_is_a_mistake_of_usage() {
    let folder = tempfile::tempdir().expect("a folder");
    let Output { status, stderr, .. } =
        classics(&["hopfeld"], folder.path()).output().expect("it starts");
    assert_eq!(status.code(), Some(2));
    assert!(String::from_utf8(stderr).expect("UTF-8").contains("'hopfield'"));
}

/// The first program has ended, and a later one is at work: what was found stays, and the status is that of the signal.
#[cfg(unix)]
#[test]
fn a_signal_keeps_what_was_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = classics(&["all"], folder.path()).spawn().expect("it starts");
    let first = folder.path().join("binary-addition/numbers.json");
    while !first.exists() {
        assert!(child.try_wait().expect("it is a child").is_none(), "it ended too early");
        sleep(Duration::from_millis(10));
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().expect("a command").success());
    let Output { status, .. } = child.wait_with_output().expect("it ends");
    assert_eq!(status.code(), Some(130));
    let page = std::fs::read_to_string(folder.path().join("README.md")).expect("the page");
    assert!(page.contains("## binary-addition"), "{page}");
    let last = std::fs::read_dir(folder.path()).expect("a folder").count();
    assert!(last < 10, "it went on");
}
