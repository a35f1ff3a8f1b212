//! Output that nobody can read.

use tempfile::TempDir;

use crate::support::{
    assert_loadable, bytes, char_lm, file, files, periodic, place, resumed, shell, small, stdout,
};

/// What is told of a run's progress is not worth a run.
#[cfg(target_os = "linux")]
#[test]
fn progress_that_cannot_be_written_ends_no_run() {
    let folder = TempDir::new().expect("a folder");
    let files = files(&folder);
    let text = file(&folder, "text.txt", periodic().as_bytes());
    let start = [small("--steps 2 --validate-every 1"), place(&text, &files)].concat();
    for redirection in ["2> /dev/full", "2>&-", "2>&1 > /dev/null | true"] {
        let script = format!("\"$@\" {redirection}");
        let longer = [resumed(&text, &files), vec!["--steps".into(), "3".into()]].concat();
        for arguments in [&start, &longer] {
            let output = shell(&script, arguments).output().expect("a shell");
            assert_eq!(output.status.code(), Some(0), "{redirection}");
            assert_loadable(&files);
        }
        let refused =
            shell(&script, &["--resume".into(), "--out".into(), "/none.safetensors".into()]);
        let output = { refused }.output().expect("a shell");
        let ended = if redirection.contains('|') { 0 } else { 1 }; // a pipeline ends like `true`
        assert_eq!(output.status.code(), Some(ended), "{redirection}");
    }
}

/// A result that cannot be told is an error, but it has been saved.
#[cfg(target_os = "linux")]
#[test]
fn results_that_cannot_be_written_are_an_error() {
    let folder = TempDir::new().expect("a folder");
    let files = files(&folder);
    let text = file(&folder, "text.txt", periodic().as_bytes());
    let start = [small("--steps 2"), place(&text, &files)].concat();
    stdout(&char_lm(&start));
    let saved = [bytes(&files.best), bytes(&files.checkpoint)];
    let best = files.best.to_str().expect("UTF-8").to_owned();
    let eval = ["eval", "--text", &text, "--weights", &best].map(str::to_owned).to_vec();
    let generate = ["generate", "--weights", &best].map(str::to_owned).to_vec();
    for arguments in [&start, &resumed(&text, &files), &eval, &generate] {
        let output = shell("\"$@\" > /dev/full", arguments).output().expect("a shell");
        assert_eq!(output.status.code(), Some(1));
        let told = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(told.starts_with("error: cannot write the output: No space left"), "{told}");
    }
    assert!([bytes(&files.best), bytes(&files.checkpoint)] == saved, "no new run has begun");

    // The reader of a pipe goes before the run ends.
    let longer = [resumed(&text, &files), vec!["--steps".into(), "3".into()]].concat();
    let output = shell("exec 3>&1; { \"$@\"; echo $? >&3; } | read line", &longer).output();
    let output = output.expect("a shell");
    assert_eq!(output.stdout, b"0\n", "{}", String::from_utf8_lossy(&output.stderr));
    assert!(bytes(&files.checkpoint) != saved[1], "it was trained to its end");
    assert_loadable(&files);
}
