//! Texts that training takes, and those that it refuses.

use tempfile::TempDir;

use crate::support::{argument, char_lm, file, refusal, stdout};

/// One step of a tiny model, saved in `folder`, on the text that `arguments` name.
fn one_step(folder: &TempDir, arguments: &[&str]) -> String {
    let out = argument(&folder.path().join("model.safetensors"));
    let tiny = ["--steps", "1", "--hidden", "2", "--embedding", "2", "--out", &out];
    stdout(&char_lm(&[&tiny, arguments].concat())).to_owned()
}

#[test]
fn text_and_baseline_of_a_file_are_told() {
    let folder = TempDir::new().expect("a folder");
    let text = file(&folder, "text.txt", "abcde".repeat(80).as_bytes());
    let told = one_step(&folder, &["--text", &text, "--batch", "4", "--window", "20"]);
    let size = "text   360 characters to learn from, 40 to predict, 5 distinct (files: 1)\n";
    assert!(told.starts_with(size), "{told}");
    // After three characters there is one successor, seen 71 or 72 times: almost certain.
    assert!(told.contains("\n4-gram, Witten–Bell    0.0"), "{told}");
}

#[test]
fn the_default_text_is_this_repository() {
    let folder = TempDir::new().expect("a folder");
    let told = one_step(&folder, &["--batch", "512", "--window", "8"]);
    let files = lm::text::TextSettings::default().files().expect("the repository");
    assert!(told.contains(&format!("(files: {})", files.len())), "{told}");
}

#[test]
fn a_missing_file_is_named() {
    let folder = TempDir::new().expect("a folder");
    let path = argument(&folder.path().join("none.txt"));
    let expected = format!("error: {path} does not exist: check the path\n");
    assert_eq!(refusal(&["--text", &path]), expected);
}

#[test]
fn text_shorter_than_its_sequences_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let path = file(&folder, "text.txt", "x".repeat(100).as_bytes());
    let message = refusal(&["--text", &path, "--batch", "3", "--window", "30"]);
    assert!(message.contains("need 91 tokens, and there are 90"), "{message}");
    one_step(&folder, &["--text", &path, "--batch", "2", "--window", "30"]);

    // One character to learn from is enough for one step, but then none is left to predict.
    let path = file(&folder, "text.txt", b"xy");
    let message = refusal(&["--text", &path, "--batch", "1", "--window", "1"]);
    let expected = "a part to judge needs 2 tokens, and there are 0";
    assert!(message.contains(expected), "{message}");
}

#[test]
fn a_value_without_meaning_is_a_mistake_of_usage() {
    let output = char_lm(&["--hidden", "0"]);
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(
        message.contains("'--hidden <N>': it must be a whole number of at least 1"),
        "{message}"
    );
}

#[test]
fn sizes_that_no_memory_holds_are_refused() {
    let folder = TempDir::new().expect("a folder");
    let text = file(&folder, "text.txt", "abcde\n".repeat(4000).as_bytes());
    let most = i64::MAX.to_string(); // of a configuration
    for (flag, value) in [
        ("--hidden", "100000"),
        ("--layers", "1000000000"),
        ("--hidden", &most),
        ("--layers", &most),
        ("--embedding", &most),
    ] {
        let message = refusal(&["--text", &text, flag, value]);
        assert!(message.starts_with("error: about "), "{flag} {value}: {message}");
        assert!(message.contains("B of memory are needed, and "), "{flag} {value}: {message}");
    }
    for flag in ["--batch", "--window"] {
        let message = refusal(&["--text", &text, flag, &most]);
        assert!(message.starts_with("error: too little text: "), "{flag}: {message}");
    }
}

/// Settings come from the run, so a flag would be ignored.
#[test]
fn a_resumed_run_takes_no_settings() {
    for flag in [
        "--cell=gru",
        "--layers=1",
        "--hidden=1",
        "--embedding=1",
        "--batch=1",
        "--window=1",
        "--learning-rate=1",
        "--clip=1",
        "--dropout=0",
        "--seed=1",
    ] {
        let output = char_lm(&["--resume", flag]);
        assert_eq!(output.status.code(), Some(2), "{flag}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("cannot be used with"), "{flag}");
    }
}
