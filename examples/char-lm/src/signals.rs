//! Signals that end a run.

use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(unix)]
use signal_hook::consts::{SIGHUP, SIGXFSZ};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// The signals to stop: Ctrl-C, SIGTERM, or a closed terminal.
///
/// The first signal asks the run to end. A second Ctrl-C ends the program at once, with the status that a shell
/// reports for a program killed by this signal. The other signals do not: a closed terminal may send its signal twice.
///
/// Signals that were ignored when the program started stay ignored. `nohup` uses this for a closed terminal.
#[derive(Debug)]
pub struct Signals {
    stop: Arc<AtomicBool>,
    at_once: Arc<AtomicBool>,
}

impl Signals {
    /// Catches the signals from now on.
    ///
    /// # Errors
    ///
    /// If the operating system refuses to deliver signals.
    pub fn catch() -> io::Result<Self> {
        let caught = Self { stop: Arc::default(), at_once: Arc::default() };
        #[cfg(unix)]
        let signals = [SIGINT, SIGTERM, SIGHUP];
        #[cfg(not(unix))]
        let signals = [SIGINT, SIGTERM];
        let ignored = ignored();
        for signal in signals.into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0) {
            let ends = if signal == SIGINT { &caught.stop } else { &caught.at_once };
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(ends))?;
            flag::register(signal, Arc::clone(&caught.stop))?;
        }
        // Without SIGXFSZ, a file that grows beyond its limit is an error like a full disk.
        #[cfg(unix)]
        flag::register(SIGXFSZ, Arc::default())?;
        Ok(caught)
    }

    /// Returns whether a signal has come.
    #[must_use]
    pub fn have_come(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Lets any signal end the program at once, when nothing is left to save.
    pub fn end_at_once(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.at_once.store(true, Ordering::Relaxed);
    }
}

/// Returns the ignored signals, one bit for each, if Linux reports them.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
