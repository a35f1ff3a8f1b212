//! Steps, timed in blocks when they are asked for: what all peers in Rust share of the protocol of
//! `peers/shared.py`. `peers/rust` compiles this file too.

use std::io;
use std::time::Instant;

/// The number of steps before the first timed one. The figure is that of the last of them.
const WARM_UP: usize = 3;

/// Takes [`WARM_UP`] steps, and returns the results of the last.
pub(crate) fn warm_up<R>(mut step: impl FnMut() -> R) -> R {
    for _ in 1..WARM_UP {
        step();
    }
    step()
}

/// Takes steps for so many seconds, at least one, and returns the seconds of each.
pub(crate) fn block<R>(mut step: impl FnMut() -> R, seconds: f64) -> Vec<f64> {
    let begin = Instant::now();
    let mut times = Vec::new();
    while times.is_empty() || begin.elapsed().as_secs_f64() < seconds {
        let before = Instant::now();
        step();
        times.push(before.elapsed().as_secs_f64());
    }
    times
}

/// Takes a block of one of the steps for each line `index seconds` of standard input, and answers
/// with the times, until the input ends.
pub(crate) fn answer<R>(steps: &mut [impl FnMut() -> R]) -> io::Result<()> {
    for request in io::stdin().lines() {
        let request = request?;
        let (index, seconds) = request.split_once(' ').ok_or(io::ErrorKind::InvalidInput)?;
        let index = index.parse().ok().filter(|&index: &usize| index < steps.len());
        let index = index.ok_or(io::ErrorKind::InvalidInput)?;
        let seconds = seconds.parse().map_err(|_| io::ErrorKind::InvalidInput)?;
        let times = block(&mut steps[index], seconds);
        let times: Vec<_> = times.iter().map(|time| format!("{time:.9}")).collect();
        println!("{}", times.join(" "));
    }
    Ok(())
}
