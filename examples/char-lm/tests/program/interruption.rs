//! Runs that are killed, interrupted or out of time.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use char_lm::checkpoint::{Checkpoint, Files, Snapshot};
use char_lm::train::{Ending, Trainer};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use tempfile::TempDir;

use crate::support::{
    argument, assert_loadable, bytes, char_lm, command, corpus, file, files, periodic, plan,
    refusal, resume, run, run_until, small, stdout,
};

/// The arguments that name a run's files.
fn place(text: &str, files: &Files) -> Vec<String> {
    ["--text", text, "--out", &argument(&files.best)].map(str::to_owned).into()
}

fn resumed(text: &str, files: &Files) -> Vec<String> {
    [vec!["--resume".to_owned()], place(text, files)].concat()
}

fn start(arguments: &[String]) -> Child {
    let mut command = command(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts")
}

/// Waits until the file is there.
fn wait_for(path: &Path) {
    let started = Instant::now();
    while !path.exists() {
        assert!(started.elapsed() < Duration::from_secs(20), "{} never came", path.display());
        sleep(Duration::from_millis(5));
    }
}

/// Killed again and again while it saves after every step, a run leaves complete files each time,
/// and resumed each time it ends like one that was left alone.
#[test]
fn a_run_killed_at_any_moment_can_be_resumed() {
    let folders = [TempDir::new().expect("a folder"), TempDir::new().expect("a folder")];
    let [alone, killed] = [files(&folders[0]), files(&folders[1])];
    let text = file(&folders[0], "text.txt", periodic().as_bytes());
    let flags = small("--steps 60 --validate-every 1");
    stdout(&char_lm(&[flags.clone(), place(&text, &alone)].concat()));

    let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
    let mut arguments = [flags, place(&text, &killed)].concat();
    for _ in 0..8 {
        let mut child = start(&arguments);
        wait_for(&killed.best);
        sleep(Duration::from_millis(rng.random_range(0..150)));
        child.kill().expect("it can be killed"); // SIGKILL, which nothing can catch
        child.wait().expect("it ends");
        assert_loadable(&killed);
        arguments = resumed(&text, &killed);
    }
    stdout(&char_lm(&arguments));
    assert!(bytes(&alone.best) == bytes(&killed.best), "the best weights");
    assert!(bytes(&alone.checkpoint) == bytes(&killed.checkpoint), "the run");
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_and_the_run_can_be_resumed() {
    let folder = TempDir::new().expect("a folder");
    let files = files(&folder);
    let text = file(&folder, "text.txt", periodic().as_bytes());
    // No measurement comes in between: only the interruption can have saved any step.
    let flags = small("--steps 1000000 --validate-every 1000000");
    let child = start(&[flags, place(&text, &files)].concat());
    wait_for(&files.best);
    sleep(Duration::from_millis(300));
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.expect("kill is there").success());
    let output = child.wait_with_output().expect("it ends");

    let step = Checkpoint::load(&files.checkpoint).expect("complete").step;
    let told = stdout(&output);
    assert!(told.contains(&format!("stopped after step {step}, saved in ")), "{told}");
    assert!(step > 0);
    let more = [resumed(&text, &files), vec!["--minutes".into(), "0.001".into()]].concat();
    let told = char_lm(&more);
    let told = stdout(&told);
    assert!(told.contains(&format!("start  step {step} of 1000000")), "{told}");
    assert!(Checkpoint::load(&files.checkpoint).expect("complete").step > step);
}

#[test]
fn time_that_is_over_ends_a_run_with_a_measurement() {
    let folder = TempDir::new().expect("a folder");
    let files = files(&folder);
    let text = file(&folder, "text.txt", periodic().as_bytes());
    let flags = small("--steps 1000000 --validate-every 1000000 --minutes 0.01");
    let told = char_lm(&[flags, place(&text, &files)].concat());
    let told = stdout(&told);
    let saved = Checkpoint::load(&files.checkpoint).expect("complete");
    assert!(told.contains(&format!("stopped after step {}, saved in ", saved.step)), "{told}");
    assert!(told.contains(&format!("best weights, of step {}: ", saved.step)), "{told}");
    assert!(saved.step > 0 && Snapshot::load(&files.best).expect("complete").step == saved.step);
    assert_eq!(saved.best.step, 0, "a run that goes on has not measured here");
}

/// The last measurement finds weights better than any that the run measures when left alone. They
/// are the best as long as the run is stopped, and no longer.
#[test]
fn a_run_out_of_time_resumes_like_one_that_never_stopped() {
    // The first half of each of the four sequences is like the text to predict, the second is not.
    let sequence = "ab".repeat(150) + &"ac".repeat(150);
    let corpus = corpus(&(sequence.repeat(4) + &"ab".repeat(133)));
    let plan = plan("--steps 36 --validate-every 36");
    let folders = [TempDir::new().expect("a folder"), TempDir::new().expect("a folder")];
    let [whole, parts] = [files(&folders[0]), files(&folders[1])];
    let mut trainer = Trainer::new(&corpus, plan.clone()).expect("enough text");
    run(&mut trainer, &whole, usize::MAX).expect("no divergence");

    let mut trainer = Trainer::new(&corpus, plan).expect("enough text");
    let ending = run_until(&mut trainer, &parts, 18, Ending::OutOfTime).expect("no divergence");
    assert_eq!(ending, Ending::OutOfTime);
    let stopped = Snapshot::load(&parts.best).expect("complete");
    let best = Snapshot::load(&whole.best).expect("complete");
    assert!(stopped.step == 18 && stopped.score < best.score, "{} {}", stopped.score, best.score);

    let mut trainer = resume(&corpus, &parts).expect("its own checkpoint");
    run(&mut trainer, &parts, usize::MAX).expect("no divergence");
    assert!(bytes(&whole.best) == bytes(&parts.best), "the best weights");
    assert!(bytes(&whole.checkpoint) == bytes(&parts.checkpoint), "the run");
}

/// The files of two earlier runs: the last is kept under another name, and can be resumed there.
#[test]
fn a_new_run_keeps_what_the_one_before_saved() {
    let folder = TempDir::new().expect("a folder");
    let files = files(&folder);
    let text = file(&folder, "text.txt", periodic().as_bytes());
    let train = |seed: u32| {
        let flags = small(&format!("--steps 2 --seed {seed}"));
        let output = char_lm(&[flags, place(&text, &files)].concat());
        stdout(&output);
        let notes = String::from_utf8(output.stderr).expect("UTF-8");
        (notes, bytes(&files.best), bytes(&files.checkpoint))
    };
    let previous = files.previous();
    let mut before = train(1);
    assert!(!before.0.contains("note"), "nothing was there: {}", before.0);
    for seed in [2, 3] {
        let now = train(seed);
        for (from, to) in [(&files.best, &previous.best), (&files.checkpoint, &previous.checkpoint)]
        {
            let (from, to) = (argument(from), argument(to));
            let note = format!("note: {from}, of an earlier run, is now {to}\n");
            assert!(now.0.contains(&note), "{}", now.0);
        }
        assert!(before.1 == bytes(&previous.best) && before.2 == bytes(&previous.checkpoint));
        before = now;
    }
    stdout(&char_lm(&resumed(&text, &previous)));
    let told = char_lm(&resumed(&text, &files));
    assert!(!String::from_utf8_lossy(&told.stderr).contains("earlier run"), "it is the same run");
}

/// A run that is refused for its text leaves what is there.
#[test]
fn a_run_that_does_not_start_moves_nothing() {
    let folder = TempDir::new().expect("a folder");
    let files = files(&folder);
    std::fs::write(&files.best, "precious").expect("writable");
    let text = file(&folder, "text.txt", b"short");
    refusal(&place(&text, &files));
    assert_eq!(bytes(&files.best), b"precious");
}

/// The sample is long in a debug build: Ctrl-C meets it, or the baseline before.
#[cfg(unix)]
#[test]
fn ctrl_c_after_training_ends_the_program_at_once() {
    let folder = TempDir::new().expect("a folder");
    let files = files(&folder);
    let text = file(&folder, "text.txt", periodic().as_bytes());
    let flags = "--steps 1 --hidden 256 --layers 8 --batch 4 --window 16".split(' ');
    let flags = flags.map(str::to_owned).collect();
    let mut child = command(&[flags, place(&text, &files)].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    let mut line = String::new();
    while !line.starts_with("best weights") {
        line.clear();
        assert!(stdout.read_line(&mut line).expect("UTF-8") > 0, "it ended too soon");
    }
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.expect("kill is there").success());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!told.contains("saving"), "{told}");
}
