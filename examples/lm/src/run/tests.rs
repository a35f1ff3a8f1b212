//! Runs in a folder: begun, cut off and resumed.

use std::fs;
use std::path::Path;

use bptt::analysis::record::{Entry, Summary, parse_log, read_log};
use bptt::run::Training;
use bptt::{Linear, Sgd};
use tempfile::TempDir;

use super::{Event, Log, RunFiles, RunFolder, RunFolderError, Size};

type Toy = Training<f32, Linear<f32>, Sgd<f32>>;

fn toy() -> Toy {
    let mut rng = bptt::rng(1);
    let model = Linear::new(&mut rng, 2, 1);
    Training::new(model, Sgd::new(0.1), rng)
}

pub(super) fn start() -> Event {
    Event::Start {
        version: "0.1.0".to_owned(),
        model: "2-layer lstm of 16".to_owned(),
        parameters: 1234,
        text: "text.txt".to_owned(),
        units: "characters".to_owned(),
        vocabulary_size: 40,
        train: Size { tokens: 900, characters: 900, words: 150 },
        validation: Size { tokens: 100, characters: 100, words: 17 },
        steps: 100,
        unix_seconds: 1.7e9,
    }
}

pub(super) fn step(step: u64) -> Event {
    Event::Step {
        step,
        epoch: 0.25 * step as f64,
        nats: 3.0 / (1.0 + step as f64),
        learning_rate: 0.01,
        gradient_norm: 0.5,
        tokens_per_second: 12_345.0,
        seconds: 0.5 * step as f64,
    }
}

pub(super) fn validation(step: u64) -> Event {
    Event::Validation { step, nats: 2.5 / step as f64, best: true, seconds: 0.5 * step as f64 }
}

fn begin(folder: &Path) -> (RunFolder, Log, Toy) {
    let mut run = RunFolder::create(folder).expect("an empty folder");
    let mut log =
        Log::create(&run.files().log, &run.files().tensorboard).expect("a writable folder");
    let mut training = toy();
    log.append(&start()).expect("a writable folder");
    run.files().write_config("seed = 1\n").expect("a writable folder");
    run.save(&mut training, &log).expect("a writable folder");
    (run, log, training)
}

/// Returns the bytes of the log, and of the file for TensorBoard.
fn written(files: &RunFiles) -> [Vec<u8>; 2] {
    [&files.log, &files.tensorboard].map(|path| fs::read(path).expect("it is there"))
}

/// Begins a run in `folder`, with two steps before the last save and more after it.
fn interrupted(folder: &Path) -> RunFiles {
    let (mut run, mut log, mut training) = begin(folder);
    log.append(&step(1)).expect("a writable folder");
    log.append(&step(2)).expect("a writable folder");
    training.step = 2;
    run.save(&mut training, &log).expect("a writable folder");
    // A measurement at the step of the checkpoint, but after it.
    for event in [validation(2), step(3), step(4)] {
        log.append(&event).expect("a writable folder");
    }
    run.files().clone()
}

#[test]
fn a_resumed_log_is_that_of_a_run_never_stopped() {
    let folders = [(); 2].map(|()| TempDir::new().expect("a folder"));
    let (run, mut log, _) = begin(folders[0].path());
    for event in [step(1), step(2), validation(2), step(3)] {
        log.append(&event).expect("a writable folder");
    }
    let whole = written(run.files());

    for torn in ["", "{\"event\":\"st", "{\"event\":\"note\"}\nnoise\n", "\0\0\0"] {
        let folder = folders[1].path().join(torn.len().to_string());
        let files = interrupted(&folder);
        let mut text = fs::read(&files.log).expect("it is there");
        text.extend(torn.as_bytes());
        fs::write(&files.log, text).expect("a writable folder");

        let run = RunFolder::open(&folder).expect("a run is there");
        let mut training = toy();
        run.restore(&mut training).expect("what was saved");
        let mut log = run.resume_log(&training).expect("its own log");
        assert_eq!((training.step, log.seconds()), (2, 1.0));
        for event in [validation(2), step(3)] {
            log.append(&event).expect("a writable folder");
        }
        assert!(written(&files) == whole, "{torn:?}");
    }
    assert_eq!(
        read_log::<Event>(&run.files().log).expect("its own log"),
        [start(), step(1), step(2), validation(2), step(3)]
    );
}

#[test]
fn a_folder_with_a_run_is_kept() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("run");
    let (run, ..) = begin(&path);
    let taken = RunFolder::open(&path).expect_err("it is locked");
    assert!(matches!(taken, RunFolderError::Run(_)), "{taken}");
    drop(run);
    let error = RunFolder::create(&path).expect_err("a run is there");
    let told = error.to_string();
    assert!(told.contains("--resume") && told.contains("--out"), "{told}");
    assert_eq!(fs::read_to_string(path.join("config.toml")).expect("kept"), "seed = 1\n");

    let foreign = folder.path().join("foreign");
    fs::create_dir(&foreign).expect("a writable folder");
    fs::write(foreign.join("config.toml"), "[server]\n").expect("a writable folder");
    for _ in 0..2 {
        let error = RunFolder::create(&foreign).expect_err("a foreign file is there");
        assert!(matches!(error, RunFolderError::Foreign { .. }), "{error}");
    }
    let error = RunFolder::open(&foreign).expect_err("no run is there");
    assert!(error.to_string().contains("there is no run to resume"), "{error}");
}

/// A run that was killed before its first save holds nothing to resume.
#[test]
fn an_unfinished_start_is_written_over() {
    let folder = TempDir::new().expect("a folder");
    let run = RunFolder::create(folder.path()).expect("an empty folder");
    let mut log =
        Log::create(&run.files().log, &run.files().tensorboard).expect("a writable folder");
    for event in [start(), step(1)] {
        log.append(&event).expect("a writable folder");
    }
    drop((run, log));
    let (run, ..) = begin(folder.path());
    assert_eq!(read_log::<Event>(&run.files().log).expect("its own log"), [start()]);
}

#[test]
fn foreign_and_damaged_logs_are_refused() {
    let path = Path::new("log.jsonl");
    let line = |event: &Event| serde_json::to_string(event).expect("JSON") + "\n";
    let error =
        |text: &str| parse_log::<Event>(text.as_bytes(), path).expect_err("no log").to_string();
    assert!(error("").contains("does not begin with the start of a run"));
    assert!(error(&line(&step(1))).contains("does not begin with the start of a run"));
    assert!(error("a line\n").starts_with("log.jsonl:1: "));
    let start = line(&start());
    assert!(error(&format!("{start}{{}}\n")).starts_with("log.jsonl:2: missing field `event`"));
    assert!(error(&format!("{start}\n")).starts_with("log.jsonl:2: "));
    let more = start.replace("steps", "moons");
    assert!(error(&more).starts_with("log.jsonl:1: unknown field `moons`"));
    assert!(error(&start.replace("start", "launch")).contains("unknown variant `launch`"));
}

#[test]
fn a_resumed_run_needs_the_log_before_its_checkpoint() {
    let folder = TempDir::new().expect("a folder");
    let files = interrupted(folder.path());
    let run = RunFolder::open(folder.path()).expect("a run is there");
    let mut training = toy();
    run.restore(&mut training).expect("what was saved");
    let text = fs::read_to_string(&files.log).expect("UTF-8");
    let short: String = text.split_inclusive('\n').take(2).collect();
    for (log, message) in [
        (short, "has 2 entries, and had 3"),
        (text.replacen("\"step\"", "\"stop\"", 1), "log.jsonl:2: "),
    ] {
        fs::write(&files.log, &log).expect("a writable folder");
        let error = run.resume_log(&training).expect_err("the log is damaged");
        assert!(error.to_string().contains(message), "{error}");
        assert_eq!(fs::read_to_string(&files.log).expect("UTF-8"), log, "it stays as it was");
    }
    fs::remove_file(&files.log).expect("a writable folder");
    let error = run.resume_log(&training).expect_err("the log is gone");
    assert!(error.to_string().starts_with("cannot read "), "{error}");
}

#[test]
fn numbers_that_are_not_finite_are_read_as_nan() {
    let event = Event::Validation { step: 1, nats: f64::INFINITY, best: false, seconds: 1.0 };
    let line = serde_json::to_string(&event).expect("JSON");
    assert_eq!(line, r#"{"event":"validation","step":1,"nats":null,"best":false,"seconds":1.0}"#);
    let Ok(Event::Validation { nats, .. }) = serde_json::from_str(&line) else { panic!("{line}") };
    assert!(nats.is_nan());
}

#[test]
fn a_log_that_cannot_be_written_is_an_error_that_names_the_remedy() {
    let folder = TempDir::new().expect("a folder");
    let files = RunFiles::of(folder.path());
    fs::create_dir(&files.log).expect("a writable folder");
    let error = Log::create(&files.log, &files.tensorboard).expect_err("a folder is no log");
    let error = RunFolderError::from(error).to_string();
    assert!(error.contains("log.jsonl") && error.contains("--resume"), "{error}");
}

#[test]
fn a_checkpoint_that_cannot_be_written_leaves_the_one_before() {
    let folder = TempDir::new().expect("a folder");
    let (mut run, log, mut training) = begin(folder.path());
    let before = fs::read(&run.files().checkpoint).expect("it is there");
    fs::rename(&run.files().checkpoint, folder.path().join("kept")).expect("writable");
    fs::create_dir(&run.files().checkpoint).expect("a writable folder");
    training.step = 1;
    let error = run.save(&mut training, &log).expect_err("a folder is in the way").to_string();
    assert!(error.contains("cannot be written") && error.contains("--resume"), "{error}");
    fs::remove_dir(&run.files().checkpoint).expect("a writable folder");
    fs::rename(folder.path().join("kept"), &run.files().checkpoint).expect("writable");
    drop((run, log));
    let run = RunFolder::open(folder.path()).expect("a run is there");
    run.restore(&mut training).expect("what was saved");
    assert_eq!(training.step, 0);
    assert!(fs::read(&run.files().checkpoint).expect("it is there") == before);
}

#[test]
fn scalars_are_named_by_what_they_measure() {
    let of_step = Summary::new()
        .scalar("loss/train", 1.5)
        .scalar("learning_rate", 0.01)
        .scalar("gradient_norm", 0.5)
        .scalar("tokens_per_second", 12_345.0);
    assert_eq!(step(1).summary(), of_step);
    assert_eq!(validation(1).summary(), Summary::new().scalar("loss/validation", 2.5));
    let note = Event::Note { step: 1, text: "a remark".to_owned() };
    assert_eq!(note.summary(), Summary::new());
}
