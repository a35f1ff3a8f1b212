//! Runs that are killed, interrupted or out of time.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use char_lm::checkpoint::{Checkpoint, Files};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use tempfile::TempDir;

use crate::support::{
    argument, assert_loadable, bytes, char_lm, command, file, files, periodic, small, stdout,
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
    assert!(saved.step > 0 && saved.best.step == saved.step);
}
