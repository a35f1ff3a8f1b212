//! Signals that end a run.

use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

#[cfg(unix)]
use signal_hook::consts::{SIGHUP, SIGXFSZ};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Returns a flag that becomes true at the first signal to stop: Ctrl-C, SIGTERM, or a closed terminal. The second
/// signal ends the program at once, with the status that a shell reports for a program killed by this signal.
///
/// Signals that were ignored when the program started stay ignored. `nohup` uses this for a closed terminal.
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
    // Without SIGXFSZ, a file that grows beyond its limit is an error like a full disk.
    #[cfg(unix)]
    flag::register(SIGXFSZ, Arc::default())?;
    Ok(stop)
}

/// The ignored signals, one bit for each, if Linux reports them.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
