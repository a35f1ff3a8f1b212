//! What the program writes to standard error: its log, and lines above the progress bar.

use std::process::{Command, Stdio};

use crate::support::{Place, lm, told};

/// Settings with which the validation loss rises in a few steps.
const RISING: [&str; 4] =
    ["--learning-rate=1", "--schedule=plateau", "--average=triggered", "--average-patience=1"];

/// Returns what the run with this name logs as it goes on.
fn logged(place: &Place, name: &str, levels: Option<&str>) -> Vec<String> {
    let mut arguments = place.arguments(name, 8);
    if !place.run(name).checkpoint.exists() {
        arguments.extend(RISING.map(str::to_owned));
    }
    let mut command = lm(&arguments);
    match levels {
        Some(levels) => command.env("RUST_LOG", levels),
        None => command.env_remove("RUST_LOG"),
    };
    let output = command.output().expect("it starts");
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    told(&output).lines().filter(|line| line.starts_with('[')).map(str::to_owned).collect()
}

#[test]
fn the_log_tells_what_a_run_does_if_it_is_asked() {
    let place = Place::new();
    assert_eq!(logged(&place, "quiet", None), [""; 0]);
    let begun = logged(&place, "run", Some("lm=info")).join("\n");
    let resumed = logged(&place, "run", Some("lm=debug")).join("\n");
    let path = |path: std::path::PathBuf| path.display().to_string();
    let text =
        path(place.path("text.txt")) + ": 2430 tokens to learn from, 270 to validate, 29 distinct";
    let saved = format!("step 8: saved to {}", path(place.run("run").checkpoint));
    for line in [
        &text,
        "step 0: saved to ",
        &saved,
        "the learning rate falls from 1 to 0.25",
        "the average of the weights begins",
    ] {
        assert!(begun.matches(line).count() == 1, "{line} in\n{begun}");
    }
    for line in [&text, "step 8: resumed from ", " 1 threads"] {
        assert!(resumed.contains(line), "{line} in\n{resumed}");
    }
}

/// `script` gives the program a terminal.
#[cfg(target_os = "linux")]
#[test]
fn lines_stand_above_the_progress_bar() {
    let place = Place::new();
    let arguments = place.arguments("run", 20);
    let quoted: Vec<_> = arguments.iter().map(|it| format!("'{it}'")).collect();
    let command =
        format!("stty cols 150 rows 30; exec '{}' {}", env!("CARGO_BIN_EXE_lm"), quoted.join(" "));
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &command, "/dev/null"]);
    script.env("RUST_LOG", "info").env("TERM", "xterm").stdin(Stdio::null());
    let Ok(output) = script.output() else { return eprintln!("not tested: there is no `script`") };
    if told(&output).starts_with("script") {
        return eprintln!("not tested: {}", told(&output));
    }
    let screen = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(output.status.code(), Some(0), "{screen}");
    assert!(screen.contains("/20  loss"), "there is a bar: {screen}");
    // what stands on a line since it was empty last
    let written = screen.split(['\n', '\r']).flat_map(|line| line.split("\u{1b}[2K"));
    let is_line = |text: &&str| text.contains(" INFO ") || text.contains("validation ");
    let lines: Vec<_> = written.filter(is_line).collect();
    assert!(lines.len() > 40, "a measurement and a checkpoint for each step: {screen}");
    for line in lines {
        let begins = line.starts_with('[') || line.starts_with("step ");
        assert!(begins && !line.contains("/20"), "{line:?} in {screen}");
    }
}
