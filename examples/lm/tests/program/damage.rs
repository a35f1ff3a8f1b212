//! Files of a run that are damaged, cut off, foreign or of another version.

use std::path::{Path, PathBuf};

use bptt::RngExt;
use bptt::weights::Archive;
use lm::config::Config;
use lm::error::Error;
use lm::run::{RunFiles, RunFolderError};
use lm::text::Corpus;
use lm::training::{Saved, SavedError, Session};

use crate::support::{Place, argument, assert_refused, bytes, lm, names, told};

/// The regions of a file, of which one byte each is changed.
const REGIONS: usize = 64;

/// A run of three steps, and its files.
struct Trained {
    place: Place,
    files: RunFiles,
}

impl Trained {
    fn new() -> Self {
        let place = Place::new();
        place.finish("run", 3);
        Self { files: place.run("run"), place }
    }

    /// Resumes the run as the program does. Returns why it cannot.
    fn resume(&self) -> Result<(), Error> {
        let config = Config::from_file(&self.files.config)?;
        let corpus = Corpus::open(&config.text, &self.place.path("store"))?;
        Session::resume(&config, &corpus, &self.files.folder).map(|_| ())
    }

    /// Uses the weights as `eval` does. Returns why they cannot be used.
    fn load(&self) -> Result<(), Error> {
        Saved::load(&self.files.folder)?.model()?;
        Ok(())
    }

    /// Asserts that `attempt` fails with each of these contents of a file, and changes no file.
    fn assert_each_refused(
        &self,
        path: &Path,
        contents: impl IntoIterator<Item = Vec<u8>>,
        attempt: impl Fn(&Self) -> Result<(), Error>,
    ) -> Vec<Error> {
        let whole = bytes(path);
        let mut errors = Vec::new();
        for (number, contents) in contents.into_iter().enumerate() {
            std::fs::write(path, contents).expect("writable");
            let before = self.contents();
            let Err(error) = attempt(self) else { panic!("case {number} is accepted") };
            assert!(before == self.contents(), "case {number} changes a file: {error}");
            errors.push(error);
        }
        std::fs::write(path, whole).expect("writable");
        errors
    }

    fn contents(&self) -> Vec<(String, Vec<u8>)> {
        let names = names(&self.files.folder).into_iter();
        let of = |name: String| {
            let contents = bytes(&self.files.folder.join(&name));
            (name, contents)
        };
        names.map(of).collect()
    }
}

/// Returns the file cut off at several places.
fn cut(whole: &[u8]) -> Vec<Vec<u8>> {
    let shares = [0.0, 0.0001, 0.01, 0.1, 0.5, 0.9, 0.9999];
    shares.map(|share| whole[..(share * whole.len() as f64) as usize].to_vec()).into()
}

/// Returns the file with one byte changed, for each of its regions.
fn flipped(whole: &[u8]) -> Vec<Vec<u8>> {
    let mut rng = bptt::rng(7);
    let regions = 0..REGIONS;
    let changed = regions.map(|region| {
        let [start, end] = [region, region + 1].map(|it| it * whole.len() / REGIONS);
        let mut contents = whole.to_vec();
        contents[rng.random_range(start..end)] ^= rng.random_range(1..=255_u8);
        contents
    });
    changed.collect()
}

/// Returns what other programs write.
fn foreign() -> Vec<Vec<u8>> {
    let mut tensors = Archive::<f32>::new();
    tensors.insert("w", bptt::Tensor::zeros([3]));
    let path = tempfile::NamedTempFile::new().expect("a file").into_temp_path();
    tensors.save(&path).expect("writable");
    vec![b"precious text\n".to_vec(), vec![0; 4096], vec![255; 4096], bytes(&path)]
}

#[test]
fn damaged_weights_are_refused() {
    let run = Trained::new();
    let path = &run.files.weights;
    let whole = bytes(path);
    let cases = [cut(&whole), flipped(&whole), foreign()].concat();
    for error in run.assert_each_refused(path, cases, Trained::load) {
        let is_typed =
            matches!(error, Error::Saved(SavedError::Unreadable(_) | SavedError::Weights { .. }));
        assert!(is_typed, "{error}");
        assert_eq!(error.exit_status(), 1);
        assert!(error.to_string().starts_with(&argument(path)), "{error}");
    }
    run.load().expect("the whole file is its own");
}

#[test]
fn a_damaged_checkpoint_is_refused() {
    let run = Trained::new();
    let path = &run.files.checkpoint;
    let whole = bytes(path);
    let cases = [cut(&whole), flipped(&whole), foreign()].concat();
    for error in run.assert_each_refused(path, cases, Trained::resume) {
        assert!(matches!(error, Error::Run(RunFolderError::Run(_))), "{error}");
        assert_eq!(error.exit_status(), 1);
    }
    run.load().expect("the best weights are not touched");
    run.resume().expect("the whole file is its own");
}

/// A log has no checksum, so a letter may change unseen. What is no event is refused, and so is a log that is too short.
#[test]
fn a_damaged_log_is_refused() {
    let run = Trained::new();
    let path = &run.files.log;
    let whole = bytes(path);
    let text = String::from_utf8(whole.clone()).expect("UTF-8");
    let older = text.replacen("\"gradient_norm\":", "\"norm\":", 1).into_bytes();
    let mut cases = [foreign(), vec![older]].concat();
    let kept = text.lines().take(5).map(|line| line.len() + 1).sum::<usize>();
    cases.extend([0, 10, kept - 1, kept / 2].map(|length| whole[..length].to_vec()));
    for error in run.assert_each_refused(path, cases, Trained::resume) {
        assert!(matches!(error, Error::Run(_)), "{error}");
        assert!(error.to_string().contains(&argument(path)), "{error}");
    }
    for contents in flipped(&whole) {
        std::fs::write(path, contents).expect("writable");
        let _ = run.resume(); // no panic
    }
}

/// A setting that is changed in the file would make another run of this one.
#[test]
fn a_damaged_configuration_is_refused() {
    let run = Trained::new();
    let path = &run.files.config;
    let text = String::from_utf8(bytes(path)).expect("UTF-8");
    let setting = |from: &str, to: &str| {
        assert!(text.contains(from), "{text}");
        text.replacen(from, to, 1).into_bytes()
    };
    let without_meaning = [
        b"precious text\n".to_vec(),
        vec![255; 100],
        setting("hidden_size = 16", "hidden_size = -16"),
        setting("hidden_size = 16", "units_of_old = 16"),
        setting("hidden_size = 16", "hidden_size = \"many\""),
    ];
    for error in run.assert_each_refused(path, without_meaning, Trained::resume) {
        assert!(matches!(error, Error::Config(_)), "{error}");
        assert_eq!(error.exit_status(), 2);
    }
    let of_other_runs = [
        setting("learning_rate = 0.02", "learning_rate = 0.03"),
        setting("dropout = 0.1", "dropout = 0.2"),
        setting("seed = 1", "seed = 2"),
    ];
    for error in run.assert_each_refused(path, of_other_runs, Trained::resume) {
        assert!(matches!(error, Error::ChangedSetting { .. }), "{error}");
    }
}

/// An entry of a file that an older program did not write, or wrote otherwise.
#[test]
fn files_of_other_versions_are_refused() {
    let run = Trained::new();
    let changed = |path: &PathBuf, change: &dyn Fn(&mut Archive<f32>)| {
        let mut archive = Archive::load(path).expect("complete");
        change(&mut archive);
        let beside = run.place.path("changed");
        archive.save(&beside).expect("writable");
        bytes(&beside)
    };
    let weights = &run.files.weights;
    let cases = ["config", "vocabulary", "step", "nats"]
        .map(|name| changed(weights, &|archive| archive.set_text(name, "what")));
    run.assert_each_refused(weights, cases, Trained::load);
    let more = changed(weights, &|archive| archive.insert("model.more", bptt::Tensor::zeros([2])));
    run.assert_each_refused(weights, [more], Trained::load);

    let checkpoint = &run.files.checkpoint;
    let names: Vec<String> = Archive::<f32>::load(checkpoint)
        .expect("complete")
        .text_names()
        .map(str::to_owned)
        .collect();
    assert!(names.len() > 8, "{names:?}");
    let cases =
        names.iter().map(|name| changed(checkpoint, &|archive| archive.set_text(name, "what")));
    run.assert_each_refused(checkpoint, cases, Trained::resume);
}

#[test]
fn a_closed_pipe_does_not_end_the_training() {
    let place = Place::new();
    let mut training = lm(&place.arguments("run", 2));
    let mut training = training.stdout(std::process::Stdio::piped()).spawn().expect("it starts");
    drop(training.stdout.take());
    assert_eq!(training.wait().expect("it ends").code(), Some(0));
    assert!(place.run("run").report.exists(), "it has trained to its end");
}

/// The program itself: its status and its message.
#[test]
fn the_program_tells_what_is_wrong_in_one_line() {
    let run = Trained::new();
    let folder = argument(&run.files.folder);
    let refused = |arguments: &[&str], status| {
        let arguments: Vec<_> = arguments.iter().map(|&it| it.to_owned()).collect();
        let output = lm(&arguments).output().expect("it starts");
        assert_refused(&output, status);
        told(&output)
    };
    let text = argument(&run.place.path("text.txt"));
    let small = ["--hidden-size", "4", "--batch-size", "4", "--window", "8"];
    refused(&[&["train", "--text", &text, "--out", &folder][..], &small].concat(), 1); // it holds a run
    let output = lm(&["train", "--text", "nowhere", "--out", &folder].map(str::to_owned)).output();
    let told = told(&output.expect("it starts"));
    assert!(told.contains("holds a run"), "before the text is read: {told}");
    refused(&["train", "--resume", "--out", &folder, "--learning-rate", "1"], 2);
    refused(&["train", "--text", &text, "--train", &text], 2);
    refused(&["train", "--resume", "--out", &argument(&run.place.path("nowhere"))], 2);
    for (file, command, status) in [
        (&run.files.weights, &["eval", "--run", &folder][..], 1),
        (&run.files.weights, &["generate", "--run", &folder], 1),
        (&run.files.weights, &["inspect", "--run", &folder], 1),
        (&run.files.checkpoint, &["train", "--resume", "--out", &folder], 1),
        (&run.files.log, &["train", "--resume", "--out", &folder], 1),
        (&run.files.config, &["train", "--resume", "--out", &folder], 2),
    ] {
        let whole = bytes(file);
        std::fs::write(file, &whole[..whole.len() / 3]).expect("writable");
        let told = refused(command, status);
        assert!(told.matches(&argument(file)).count() <= 1, "the path once: {told}");
        std::fs::write(file, whole).expect("writable");
    }
}
