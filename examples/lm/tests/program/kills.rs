//! Runs that are stopped again and again.

use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use bptt::RngExt;

use crate::support::{Place, assert_loadable, assert_refused, bytes, lm, log, names, shell, told};

/// The ways to be stopped.
const WAYS: [&str; 5] = ["KILL", "TERM", "INT", "full", "read-only"];

/// The steps of the run for each kill, so that it is still at work when the last one comes.
const STEPS: usize = 8;

/// The program cannot write to its folder, if the machine lets a file system be mounted.
const READ_ONLY: &str = "mount --bind \"$RUN\" \"$RUN\" 2> /dev/null &&
    mount -o remount,ro,bind \"$RUN\" 2> /dev/null || exit 77
    exec \"$@\"";

/// A run is stopped at random moments, and resumed each time. What it has saved can be used at any time, and it ends like
/// a run that was left alone, to the bit. `LM_KILLS` and `LM_SEED` make it longer and different; see `tools/endurance`.
#[cfg(unix)]
#[test]
fn a_run_stopped_at_any_moment_ends_like_one_that_was_left_alone() {
    let setting = |name| std::env::var(name).ok().and_then(|it| it.parse().ok());
    let (kills, seed) = (setting("LM_KILLS").unwrap_or(10), setting("LM_SEED").unwrap_or(1));
    let steps = STEPS * kills as usize;
    let place = Place::new();
    let started = Instant::now();
    place.finish("alone", steps);
    let longest = started.elapsed() / kills as u32; // so that the stops come before the end, on any machine

    let mut rng = bptt::rng(seed);
    let mut counts = [0; WAYS.len()];
    let mut early = 0;
    for kill in 0..kills {
        // each way comes as often; the second half of a short run is not without one of them
        let way = (kill as usize + usize::from(rng.random_range(0..100) < 20)) % WAYS.len();
        counts[way] += 1;
        stop(&place, WAYS[way], steps, longest, &mut rng);
        let files = place.run("stopped");
        if files.checkpoint.exists() {
            assert_loadable(&files);
        }
        let is_over = files.log.exists()
            && String::from_utf8_lossy(&bytes(&files.log)).contains("\"finished\"");
        early += u32::from(!is_over);
    }
    place.finish("stopped", steps);
    eprintln!("stopped {kills} times, {early} before the end: {WAYS:?} {counts:?}");

    let [alone, stopped] = ["alone", "stopped"].map(|name| place.run(name));
    assert!(bytes(&alone.weights) == bytes(&stopped.weights), "the best weights");
    assert!(bytes(&alone.checkpoint) == bytes(&stopped.checkpoint), "the checkpoint");
    assert_eq!(log(&alone), log(&stopped), "the log");
    assert_eq!(names(&alone.folder), names(&stopped.folder), "nothing is left beside");
    assert!(2 * early > kills as u32, "the run is too short to be stopped {kills} times");
}

/// Lets the run go on until it is stopped in this way, at the latest after `longest`.
fn stop(place: &Place, way: &str, steps: usize, longest: Duration, rng: &mut impl RngExt) {
    let arguments = place.arguments("stopped", steps);
    match way {
        "full" => {
            let blocks = rng.random_range(1..32); // of 512 bytes for each file; the checkpoint has more
            let script = format!("ulimit -f {blocks} && exec \"$@\"");
            let output = shell(&script, &arguments, false).output().expect("a shell");
            assert_refused(&output, 1);
        }
        "read-only" => {
            let folder = place.run("stopped").folder;
            std::fs::create_dir_all(&folder).expect("writable");
            let mut shell = shell(READ_ONLY, &arguments, true);
            let output = shell.env("RUN", &folder).output();
            let Ok(output) = output else { return eprintln!("not tested: there is no `unshare`") };
            if output.status.code() == Some(77) || told(&output).starts_with("unshare") {
                return eprintln!("not tested: no folder can be made read-only");
            }
            assert_refused(&output, 1);
        }
        signal => {
            let child = lm(&arguments).spawn().expect("it starts");
            sleep(longest.mul_f64(rng.random_range(0.0..1.0)));
            let id = child.id().to_string();
            let _ = Command::new("kill").args([&format!("-{signal}"), &id]).status();
            let output = child.wait_with_output().expect("it ends");
            let code = output.status.code();
            // none if it was killed outright, 0 if it was at the end
            let after_saving = match signal {
                "TERM" => Some(143),
                "INT" => Some(130),
                _ => None,
            };
            assert!(code.is_none() || code == Some(0) || code == after_saving, "{}", told(&output));
        }
    }
}
