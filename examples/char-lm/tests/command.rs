//! The program as a user meets it.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

fn char_lm(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_char-lm")).args(arguments).output().expect("it starts")
}

fn stdout(output: &Output) -> &str {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::str::from_utf8(&output.stdout).expect("UTF-8")
}

/// What a refused command says; it prints nothing else and does not panic.
fn refusal(arguments: &[&str]) -> String {
    let output = char_lm(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    String::from_utf8(output.stderr).expect("UTF-8")
}

/// A file with `bytes`, and its path as an argument.
fn file(folder: &TempDir, bytes: &[u8]) -> String {
    let path = folder.path().join("text.txt");
    std::fs::write(&path, bytes).expect("the folder is writable");
    argument(&path)
}

fn argument(path: &Path) -> String {
    path.to_str().expect("a UTF-8 path").to_owned()
}

#[test]
fn text_and_baseline_of_a_file_are_told() {
    let folder = TempDir::new().expect("a folder");
    let text = file(&folder, "abcde".repeat(80).as_bytes());
    let told = char_lm(&["--text", &text, "--batch", "4", "--window", "20"]);
    let (first, rest) = stdout(&told).split_once('\n').expect("lines");
    assert_eq!(first, "text    1 files: 360 characters to learn from, 40 to predict, 5 distinct");
    // After three characters there is one successor, seen 71 or 72 times: almost certain.
    assert!(rest.starts_with("4-gram  0.0"), "{rest}");
}

#[test]
fn the_default_text_is_this_repository_and_the_same_each_time() {
    let (first, second) = (char_lm(&[]), char_lm(&["train"]));
    assert!(stdout(&first).contains("4-gram"), "{}", stdout(&first));
    assert_eq!(stdout(&first), stdout(&second));
}

#[test]
fn a_missing_file_is_named() {
    let folder = TempDir::new().expect("a folder");
    let path = argument(&folder.path().join("none.txt"));
    let expected = format!("error: {path} does not exist: check the path given to --text\n");
    assert_eq!(refusal(&["--text", &path]), expected);
}

#[test]
fn a_folder_is_not_a_text() {
    let folder = TempDir::new().expect("a folder");
    let path = argument(folder.path());
    let message = refusal(&["--text", &path]);
    assert!(message.starts_with(&format!("error: {path} is a folder")), "{message}");
}

#[test]
fn an_empty_file_is_refused_even_beside_others() {
    let folder = TempDir::new().expect("a folder");
    let path = file(&folder, b"");
    let message = refusal(&["--text", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"), &path]);
    assert!(message.starts_with(&format!("error: {path} is empty")), "{message}");
}

#[test]
fn the_first_byte_that_is_not_text_is_located() {
    let folder = TempDir::new().expect("a folder");
    let path = file(&folder, b"caf\xc3\xa9 caf\xe9");
    let message = refusal(&["--text", &path]);
    assert!(message.contains("not UTF-8 text: the first invalid byte is at offset 9"), "{message}");
}

#[test]
fn text_shorter_than_its_sequences_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let path = file(&folder, "x".repeat(100).as_bytes());
    let message = refusal(&["--text", &path, "--batch", "3", "--window", "30"]);
    assert!(message.contains("need 91 characters, and there are 90"), "{message}");
    stdout(&char_lm(&["--text", &path, "--batch", "2", "--window", "30"]));

    // One character to learn from is enough for one step, but then none is left to predict.
    let path = file(&folder, b"xy");
    let message = refusal(&["--text", &path, "--batch", "1", "--window", "1"]);
    assert!(message.contains("there are 0"), "{message}");
}

#[test]
fn a_value_without_meaning_is_a_mistake_of_usage() {
    let output = char_lm(&["--hidden", "0"]);
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("'--hidden <N>': it must be at least 1"), "{message}");
}
