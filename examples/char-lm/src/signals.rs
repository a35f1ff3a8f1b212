//! Signals that end a run.

use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

#[cfg(unix)]
use signal_hook::consts::{SIGHUP, SIGXFSZ};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// A flag that becomes true at the first signal to stop: Ctrl-C, termination, or a terminal that is
/// gone. One that comes when it is true ends the program at once, with the status that a shell
/// reports of a program that the signal killed.
///
/// A signal that the program was started to ignore stays ignored, as `nohup` has it for the terminal.
///
/// # Errors
///
/// If the operating system refuses to deliver signals.
pub fn catch() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    let signals = [SIGINT, SIGTERM, SIGHUP];
    #[cfg(not(unix))]
    let signals = [SIGINT, SIGTERM];
    let ignored = ignored();
    for signal in signals.into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0) {
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop))?;
        flag::register(signal, Arc::clone(&stop))?;
    }
    // A file that grows beyond its limit is then an error like that of a full disk.
    #[cfg(unix)]
    flag::register(SIGXFSZ, Arc::default())?;
    Ok(stop)
}

/// The signals that are ignored, one bit for each, where Linux tells.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
