//! Small runs of the program itself.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use lm::run::RunFiles;
use lm::training::Saved;
use tempfile::TempDir;

/// A model of a few thousand parameters, with all that a checkpoint has to hold: noise, windows of random length, and an
/// average of the weights.
const SMALL: &str = "--hidden-size 16 --embedding-size 8 --batch-size 4 --window 16 --learning-rate 0.02 \
    --dropout 0.1 --random-windows --average exponential --average-decay 0.9 --validate-every 1 --threads 1";

/// A folder with a text, in which runs have folders of their own.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self { folder: TempDir::new().expect("a folder") };
        let text = "the quick brown fox jumps over the lazy dog.\n".repeat(60);
        std::fs::write(place.path("text.txt"), text).expect("writable");
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the files of the run with this name.
    pub(crate) fn run(&self, name: &str) -> RunFiles {
        RunFiles::of(self.path(name))
    }

    /// Returns the arguments that start the run with this name, or continue it if it has been saved.
    pub(crate) fn arguments(&self, name: &str, steps: usize) -> Vec<String> {
        let folder = argument(&self.path(name));
        if self.run(name).checkpoint.exists() {
            return ["train", "--resume", "--threads", "1", "--out", &folder]
                .map(str::to_owned)
                .into();
        }
        let (text, steps) = (argument(&self.path("text.txt")), steps.to_string());
        let place = ["train", "--text", &text, "--out", &folder, "--steps", &steps];
        place.into_iter().chain(SMALL.split_whitespace()).map(str::to_owned).collect()
    }

    /// Trains the run with this name to its end.
    pub(crate) fn finish(&self, name: &str, steps: usize) {
        let output = lm(&self.arguments(name, steps)).output().expect("it starts");
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    }
}

pub(crate) fn argument(path: &Path) -> String {
    path.to_str().expect("a UTF-8 path").to_owned()
}

pub(crate) fn lm(arguments: &[String]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lm"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Returns a shell's script, whose `"$@"` is the program with these arguments. With `apart`, it may mount what nobody
/// else sees, if the machine lets it.
pub(crate) fn shell(script: &str, arguments: &[String], apart: bool) -> Command {
    let mut shell = if apart { Command::new("unshare") } else { Command::new("sh") };
    if apart {
        shell.args(["--map-root-user", "--mount", "sh"]);
    }
    shell.args(["-c", script, "sh", env!("CARGO_BIN_EXE_lm")]).args(arguments);
    shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    shell
}

pub(crate) fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Asserts that the program ended with this status and one line that says why.
#[track_caller]
pub(crate) fn assert_refused(output: &Output, status: i32) {
    let told = told(output);
    assert_eq!(output.status.code(), Some(status), "{told}");
    assert_eq!(told.matches("error: ").count(), 1, "{told}");
    assert!(!told.contains("panicked"), "{told}");
}

/// Asserts that what a run has saved can be used.
#[track_caller]
pub(crate) fn assert_loadable(files: &RunFiles) {
    let saved = Saved::load(&files.weights).expect("a complete file");
    saved.model().expect("its own weights");
    bptt::weights::Archive::<f32>::load(&files.checkpoint).expect("a complete file");
}

pub(crate) fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("the file exists")
}

/// Returns the names in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("there"));
    let mut names: Vec<_> =
        entries.map(|entry| entry.file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

/// Returns the lines of a log without the times.
pub(crate) fn log(files: &RunFiles) -> Vec<serde_json::Value> {
    let text = String::from_utf8(bytes(&files.log)).expect("UTF-8");
    let lines = text.lines().map(|line| {
        let mut event: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let fields = event.as_object_mut().expect("an object");
        for clock in ["unix_seconds", "seconds", "tokens_per_second"] {
            fields.remove(clock);
        }
        event
    });
    lines.collect()
}
