//! The place that runs save to: what was saved stays, and nobody else saves there.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::Duration;

use bptt::RngExt;
use bptt::run::Files;
use tempfile::TempDir;

use crate::support::{
    argument, bytes, char_lm, file, files, names, periodic, place, refusal, resumed, shell, small,
    start, stdout, wait_for,
};

/// Three runs without `--resume`: each stands under a name of its own, and can be resumed there.
#[test]
fn a_new_run_keeps_all_before() {
    let folder = TempDir::new().expect("a folder");
    let files = files(&folder);
    let text = file(&folder, "text.txt", periodic().as_bytes());
    let mut runs = Vec::new();
    for number in 0..3 {
        let flags = small(&format!("--steps 2 --seed {number}"));
        let output = char_lm(&[flags, place(&text, &files)].concat());
        stdout(&output);
        let kept = folder.path().join(format!("model.{number}.safetensors"));
        let note = format!("note: the earlier run is now {}\n", argument(&kept));
        let told = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(told.contains(&note), number > 0, "{told}");
        runs.push([bytes(&files.best), bytes(&files.checkpoint)]);
    }
    for (number, saved) in (1..).zip(&runs[..2]) {
        let kept = Files::beside(folder.path().join(format!("model.{number}.safetensors")));
        assert!([bytes(&kept.best), bytes(&kept.checkpoint)] == *saved, "run {number}");
        stdout(&char_lm(&resumed(&text, &kept)));
    }
    let told = char_lm(&resumed(&text, &files));
    assert!(!String::from_utf8_lossy(&told.stderr).contains("earlier run"), "it is the same run");
}

/// A run that is refused for its text leaves what is there.
#[test]
fn a_run_that_does_not_start_moves_nothing() {
    let folder = TempDir::new().expect("a folder");
    let files = files(&folder);
    fs::write(&files.best, "precious").expect("writable");
    let text = file(&folder, "text.txt", b"short");
    refusal(&place(&text, &files));
    assert_eq!(bytes(&files.best), b"precious");
}

/// What a run says that could not be saved.
#[track_caller]
fn assert_unsaved(output: &Output) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("error: ") && told.contains("cannot be written: "), "{told}");
}

/// Files of more than 8 KiB cannot be written, and the checkpoint is larger: two starts fail, and a
/// resumed run does. What was saved stays as it was, with nothing beside it.
#[cfg(unix)]
#[test]
fn a_run_that_cannot_be_saved_leaves_those_before() {
    let folder = TempDir::new().expect("a folder");
    let files = files(&folder);
    let text = file(&folder, "text.txt", periodic().as_bytes());
    let flags = small("--steps 2");
    stdout(&char_lm(&[flags.clone(), place(&text, &files)].concat()));
    let saved = [bytes(&files.best), bytes(&files.checkpoint)];
    let there = names(folder.path());
    let again = [flags, place(&text, &files)].concat();
    for arguments in [&again, &again, &resumed(&text, &files)] {
        assert_unsaved(&shell("ulimit -f 16 && exec \"$@\"", arguments).output().expect("a shell"));
        assert!([bytes(&files.best), bytes(&files.checkpoint)] == saved);
        assert_eq!(names(folder.path()), there);
    }
    stdout(&char_lm(&again));
    assert!(bytes(&Files::beside(folder.path().join("model.1.safetensors")).best) == saved[0]);
}

/// The same with a file system that is really full. It takes the right to mount one.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_the_runs_before() {
    let folder = TempDir::new().expect("a folder");
    let text = file(&folder, "text.txt", periodic().as_bytes());
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).expect("a new folder");
    let disk = argument(&disk);
    let files = Files::beside(Path::new(&disk).join("model.safetensors"));
    // The disk ends with the shell.
    let script = "mount -t tmpfs -o size=400k none \"$DISK\" 2> /dev/null || exit 77
        \"$@\" || exit 78
        dd if=/dev/zero of=\"$DISK/rest\" 2> /dev/null
        cp -r \"$DISK\" \"$DISK/../before\" || exit 78
        for start in 1 2; do
            \"$@\" && exit 79
            diff -r \"$DISK\" \"$DISK/../before\" || exit 80
        done";
    let arguments = [small("--steps 2"), place(&text, &files)].concat();
    let script = shell(script, &arguments);
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount"])
        .arg(script.get_program())
        .args(script.get_args())
        .env("DISK", &disk)
        .output();
    let Ok(output) = output else { return eprintln!("not tested: there is no `unshare`") };
    let told = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(77) => eprintln!("not tested: no file system can be mounted"),
        Some(1) if told.contains("unshare") => eprintln!("not tested: {told}"),
        Some(0) => {
            assert_eq!(told.matches("No space left on device").count(), 2, "{told}");
            assert_eq!(told.matches("error: ").count(), 2, "{told}");
        }
        code => panic!("{code:?}: {told}"),
    }
}

/// In two process namespaces, if they can be had, since there two programs may have one number.
#[cfg(unix)]
#[test]
fn one_run_at_a_time_saves_to_a_place() {
    let folder = TempDir::new().expect("a folder");
    let files = files(&folder);
    let text = file(&folder, "text.txt", periodic().as_bytes());
    let endless = [small("--steps 1000000"), place(&text, &files)].concat();
    let mut running = start(&endless);
    wait_for(&files.best);
    let path = |name: &str| argument(&folder.path().join(name));
    let expected = format!(
        "error: another run saves to {} and holds {}: let it end, or save elsewhere\n",
        path("model.safetensors"),
        path("model.lock")
    );
    assert_eq!(refusal(&endless), expected);
    assert_eq!(refusal(&resumed(&text, &files)), expected);
    let apart = "unshare --map-root-user --pid --fork true && exec unshare --map-root-user --pid --fork \"$@\"";
    let apart = shell(apart, &endless).output().expect("a shell");
    let told = String::from_utf8(apart.stderr).expect("UTF-8");
    if told.starts_with("unshare") || told.contains("not found") {
        eprintln!("not tested in another namespace: {told}");
    } else {
        assert_eq!(told, expected);
    }

    running.kill().expect("it can be killed"); // SIGKILL: it cannot give the lock back itself
    running.wait().expect("it ends");
    let resumed = [resumed(&text, &files), vec!["--minutes".into(), "0.001".into()]].concat();
    stdout(&char_lm(&resumed));
}

/// Killed at any moment, starting leaves the run before, complete under one name. The run that is let
/// live leaves nothing else.
#[test]
fn a_start_that_is_killed_leaves_the_run_before() {
    let folder = TempDir::new().expect("a folder");
    let files = files(&folder);
    let text = file(&folder, "text.txt", periodic().as_bytes());
    let flags = |steps: usize| small(&format!("--steps {steps} --validate-every 1"));
    stdout(&char_lm(&[flags(1), place(&text, &files)].concat()));
    let saved = [bytes(&files.best), bytes(&files.checkpoint)];
    let mut rng = bptt::rng(5);
    for _ in 0..12 {
        let mut child = start(&[flags(1000), place(&text, &files)].concat());
        sleep(Duration::from_millis(rng.random_range(20..120)));
        child.kill().expect("it can be killed"); // SIGKILL, which nothing can catch
        child.wait().expect("it ends");
    }
    stdout(&char_lm(&[flags(1), place(&text, &files)].concat()));
    let names = names(folder.path());
    for saved in &saved {
        assert!(names.iter().any(|name| bytes(&folder.path().join(name)) == *saved), "{names:?}");
    }
    let is_whole = |name: &String| name.ends_with(".safetensors");
    assert_eq!(
        names.iter().filter(|name| !is_whole(name)).collect::<Vec<_>>(),
        ["model.lock", "text.txt"]
    );
}
