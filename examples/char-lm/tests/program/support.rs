//! Small runs, and the program itself.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use bptt::run::Files;
use bptt::weights::Archive;
use tempfile::TempDir;

/// A text that a small model soon knows by heart.
pub(crate) fn periodic() -> String {
    "the quick brown fox jumps over the lazy dog.\n".repeat(60)
}

/// A model of a few thousand parameters.
const SMALL: &str = "--hidden 16 --embedding 8 --batch 4 --window 16 --learning-rate 0.02";

/// The flags of a small run and `more`.
pub(crate) fn small(more: &str) -> Vec<String> {
    SMALL.split(' ').chain(more.split_whitespace()).map(str::to_owned).collect()
}

pub(crate) fn files(folder: &TempDir) -> Files {
    Files::beside(folder.path().join("model.safetensors"))
}

/// Returns what a complete file holds.
pub(crate) fn load(path: &Path) -> Archive<f32> {
    Archive::load(path).expect("a complete file")
}

/// Returns a number that a complete file holds as a text.
pub(crate) fn number(path: &Path, name: &str) -> usize {
    load(path).parse(name).expect("it has it")
}

/// Asserts that both files are there and complete.
pub(crate) fn assert_loadable(files: &Files) {
    load(&files.best);
    load(&files.checkpoint);
}

pub(crate) fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("the file exists")
}

pub(crate) fn command(arguments: &[impl AsRef<str>]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_char-lm"));
    command.args(arguments.iter().map(AsRef::as_ref));
    command
}

pub(crate) fn char_lm(arguments: &[impl AsRef<str>]) -> Output {
    command(arguments).output().expect("it starts")
}

/// What a command that succeeds prints.
pub(crate) fn stdout(output: &Output) -> &str {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::str::from_utf8(&output.stdout).expect("UTF-8")
}

/// What a refused command says; it prints nothing else and does not panic.
pub(crate) fn refusal(arguments: &[impl AsRef<str>]) -> String {
    let output = char_lm(arguments);
    let message = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(output.stdout.is_empty(), "{message}");
    assert!(message.starts_with("error: ") && message.lines().count() == 1, "{message}");
    message
}

/// Writes a file, and gives its path as an argument.
pub(crate) fn file(folder: &TempDir, name: &str, bytes: &[u8]) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("the folder is writable");
    argument(&path)
}

pub(crate) fn argument(path: &Path) -> String {
    path.to_str().expect("a UTF-8 path").to_owned()
}

/// The arguments that name a run's files.
pub(crate) fn place(text: &str, files: &Files) -> Vec<String> {
    ["--text", text, "--out", &argument(&files.best)].map(str::to_owned).into()
}

pub(crate) fn resumed(text: &str, files: &Files) -> Vec<String> {
    [vec!["--resume".to_owned()], place(text, files)].concat()
}

/// Runs for two steps on [`periodic`] text, and returns the path of the text and the files of the run.
pub(crate) fn trained(folder: &TempDir) -> (String, Files) {
    let (text, files) = (file(folder, "text.txt", periodic().as_bytes()), files(folder));
    stdout(&char_lm(&[small("--steps 2"), place(&text, &files)].concat()));
    (text, files)
}

pub(crate) fn start(arguments: &[String]) -> Child {
    let mut command = command(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts")
}

/// Waits until the file is there.
pub(crate) fn wait_for(path: &Path) {
    let started = Instant::now();
    while !path.exists() {
        assert!(started.elapsed() < Duration::from_secs(20), "{} never came", path.display());
        sleep(Duration::from_millis(5));
    }
}

/// A shell's script, whose `"$@"` is the program with these arguments.
pub(crate) fn shell(script: &str, arguments: &[String]) -> Command {
    let program = command(arguments);
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh"]).arg(program.get_program()).args(program.get_args());
    shell
}

/// The names of what is in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("there"));
    let mut names: Vec<_> =
        entries.map(|entry| entry.file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}
