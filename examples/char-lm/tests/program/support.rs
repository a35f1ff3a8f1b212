//! Small runs, and the program itself.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use bptt::run::{Files, Run};
use char_lm::args::{Cli, Command as Subcommand};
use char_lm::checkpoint::{Checkpoint, Snapshot};
use char_lm::corpus::{Corpus, Document};
use char_lm::error::Error;
use char_lm::progress::Progress;
use char_lm::settings::Plan;
use char_lm::train::{Ending, Trainer};
use clap::Parser;
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

/// The plan of a small run with `more` flags.
pub(crate) fn plan(more: &str) -> Plan {
    match Cli::parse_from(std::iter::once("char-lm".to_owned()).chain(small(more))).into_command() {
        Subcommand::Train(args) => args.plan(),
        other => panic!("{other:?} is not training"),
    }
}

pub(crate) fn corpus(text: &str) -> Corpus {
    Corpus::new(&[Document { path: PathBuf::from("text"), text: text.to_owned() }])
}

pub(crate) fn files(folder: &TempDir) -> Files {
    Files::beside(folder.path().join("model.safetensors"))
}

/// Runs until the end, or until `steps` more are done as if by Ctrl-C.
pub(crate) fn run(trainer: &mut Trainer<'_>, files: &Files, steps: usize) -> Result<Ending, Error> {
    run_until(trainer, files, steps, Ending::Interrupted)
}

/// Runs until the end, or until `steps` more are done and then ends so.
pub(crate) fn run_until(
    trainer: &mut Trainer<'_>,
    files: &Files,
    steps: usize,
    ending: Ending,
) -> Result<Ending, Error> {
    let mut left = steps;
    let mut progress = Progress::hidden(trainer.steps_done(), trainer.plan().steps);
    let is_new = !files.checkpoint.exists();
    let place = if is_new { Run::new(&files.best) } else { Run::resume(&files.best) };
    let mut place = place.expect("no other run saves here");
    trainer.run(&mut place, &mut progress, || {
        let stop = (left == 0).then_some(ending);
        left = left.saturating_sub(1);
        stop
    })
}

/// The run that `files` hold, with the plan that it had.
pub(crate) fn resume<'a>(corpus: &'a Corpus, files: &Files) -> Result<Trainer<'a>, Error> {
    let checkpoint = Checkpoint::load(&files.checkpoint)?;
    Trainer::resume(corpus, checkpoint.plan.clone(), checkpoint)
}

/// Asserts that both files are there and complete.
pub(crate) fn assert_loadable(files: &Files) {
    let saved = Snapshot::load(&files.best).expect("a complete file");
    saved.model().expect("its own weights");
    let checkpoint = Checkpoint::load(&files.checkpoint).expect("a complete file");
    checkpoint.best.model().expect("its own weights");
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
