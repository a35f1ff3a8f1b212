//! Runs that are killed, interrupted or out of time.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use bptt::RngExt;
use tempfile::TempDir;

use crate::support::{
    assert_loadable, bytes, char_lm, command, file, files, names, number, periodic, place, resumed,
    shell, small, start, stdout, wait_for,
};

/// Killed again and again while it saves after every step, a run leaves complete files each time, and resumed each time
/// it ends like one that was left alone. It crosses from one pass of 38 windows to the next.
#[test]
fn a_run_killed_at_any_moment_can_be_resumed() {
    let mut rng = bptt::rng(3);
    for cell in ["lstm", "gru", "elman"] {
        let folders = [TempDir::new().expect("a folder"), TempDir::new().expect("a folder")];
        let [alone, killed] = [files(&folders[0]), files(&folders[1])];
        let text = file(&folders[0], "text.txt", periodic().as_bytes());
        let flags = format!("--steps 60 --validate-every 1 --dropout 0.3 --cell {cell}");
        let flags = small(&flags);
        stdout(&char_lm(&[flags.clone(), place(&text, &alone)].concat()));

        let mut arguments = [flags, place(&text, &killed)].concat();
        for _ in 0..4 {
            let mut child = start(&arguments);
            wait_for(&killed.best);
            sleep(Duration::from_millis(rng.random_range(0..150)));
            child.kill().expect("it can be killed"); // SIGKILL, which nothing can catch
            child.wait().expect("it ends");
            assert_loadable(&killed);
            arguments = resumed(&text, &killed);
        }
        // as if killed after the checkpoint was saved and before the best weights were
        std::fs::remove_file(&killed.best).expect("it was there");
        stdout(&char_lm(&arguments));
        assert!(bytes(&alone.best) == bytes(&killed.best), "{cell}: the best weights");
        assert!(bytes(&alone.checkpoint) == bytes(&killed.checkpoint), "{cell}: the run");
        let there = ["model.checkpoint.safetensors", "model.lock", "model.safetensors"];
        assert_eq!(names(folders[1].path()), there, "nothing is left of files that were cut off");
    }
}

/// Sends a signal by its name.
#[cfg(unix)]
fn send(signal: &str, to: &Child) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &to.id().to_string()]).status();
    assert!(sent.expect("kill is there").success());
}

/// Reads lines until one starts so.
fn read_until(lines: &mut impl BufRead, start: &str) {
    let mut line = String::new();
    while !line.starts_with(start) {
        line.clear();
        assert!(lines.read_line(&mut line).expect("UTF-8") > 0, "it ended too soon");
    }
}

#[cfg(unix)]
#[test]
fn signals_save_and_the_run_can_be_resumed() {
    let folder = TempDir::new().expect("a folder");
    let files = files(&folder);
    let text = file(&folder, "text.txt", periodic().as_bytes());
    let mut arguments =
        [small("--steps 1000000 --validate-every 40"), place(&text, &files)].concat();
    let mut before = 0;
    for signal in ["INT", "TERM", "HUP"] {
        let mut child = command(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
        read_until(&mut stderr, "step ");
        send(signal, &child);
        read_until(&mut stderr, "saving; Ctrl-C again");
        let output = child.wait_with_output().expect("it ends");

        let step = number(&files.checkpoint, "step");
        let told = stdout(&output);
        assert!(told.contains(&format!("start  step {before} of 1000000")), "{told}");
        assert!(told.contains(&format!("stopped after step {step}, saved in ")), "{told}");
        assert!(told.contains(": continue with --resume"), "{told}");
        assert!(step > before, "{signal}");
        (before, arguments) = (step, resumed(&text, &files));
    }
}

/// A shell and the kernel both tell of a terminal that is closed, and who ends a session sends more. A run that is held
/// meanwhile finds them all at once.
#[cfg(unix)]
#[test]
fn several_signals_save_as_one_does() {
    let folder = TempDir::new().expect("a folder");
    let files = files(&folder);
    let text = file(&folder, "text.txt", periodic().as_bytes());
    let arguments = [small("--steps 1000000 --validate-every 10"), place(&text, &files)].concat();
    let mut child = command(&arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
    read_until(&mut stderr, "step 10: ");
    ["STOP", "HUP", "TERM", "CONT"].into_iter().for_each(|signal| send(signal, &child));
    read_until(&mut stderr, "saving; ");
    assert!(child.wait().expect("it ends").success());
}

/// `nohup` starts programs so that they ignore a terminal that is gone.
#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_is_ignored_stays_ignored() {
    let folder = TempDir::new().expect("a folder");
    let files = files(&folder);
    let text = file(&folder, "text.txt", periodic().as_bytes());
    let arguments = [small("--steps 1000000 --validate-every 10"), place(&text, &files)].concat();
    let mut child = shell("trap '' HUP && exec \"$@\"", &arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
    read_until(&mut stderr, "step 10: ");
    send("HUP", &child);
    read_until(&mut stderr, "step 30: "); // two measurements later it still runs
    send("TERM", &child);
    read_until(&mut stderr, "saving; ");
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn time_that_is_over_ends_a_run_with_a_measurement() {
    let folder = TempDir::new().expect("a folder");
    let files = files(&folder);
    let text = file(&folder, "text.txt", periodic().as_bytes());
    let flags = small("--steps 1000000 --validate-every 1000000 --minutes 0.01");
    let told = char_lm(&[flags, place(&text, &files)].concat());
    let told = stdout(&told);
    let step = number(&files.checkpoint, "step");
    assert!(told.contains(&format!("stopped after step {step}, saved in ")), "{told}");
    assert!(told.contains(&format!("best weights, of step {step}: ")), "{told}");
    assert!(step > 0 && number(&files.best, "step") == step);
    assert_eq!(
        number(&files.checkpoint, "best.step"),
        0,
        "a run that goes on has not measured here"
    );
}

/// The last measurement belongs to the stop alone.
#[test]
fn a_run_out_of_time_resumes_like_one_that_never_stopped() {
    let folders = [TempDir::new().expect("a folder"), TempDir::new().expect("a folder")];
    let [whole, parts] = [files(&folders[0]), files(&folders[1])];
    let text = file(&folders[0], "text.txt", periodic().as_bytes());
    let flags = small("--steps 300 --validate-every 300");
    stdout(&char_lm(&[flags.clone(), place(&text, &whole)].concat()));
    let minutes = ["--minutes", "0.001"].map(str::to_owned).to_vec();
    stdout(&char_lm(&[flags, place(&text, &parts), minutes].concat()));
    stdout(&char_lm(&resumed(&text, &parts)));
    assert!(bytes(&whole.best) == bytes(&parts.best), "the best weights");
    assert!(bytes(&whole.checkpoint) == bytes(&parts.checkpoint), "the run");
}

/// The sample is long in a debug build: Ctrl-C meets it, or the baseline before.
#[cfg(unix)]
#[test]
fn a_signal_after_training_ends_the_program_at_once() {
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
    read_until(&mut stdout, "best weights");
    send("INT", &child);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!told.contains("saving"), "{told}");
}
