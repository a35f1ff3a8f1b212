//! Signals that end a run.

use std::fmt;
use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

#[cfg(unix)]
use signal_hook::consts::{SIGHUP, SIGXFSZ};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::low_level::signal_name;

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
    /// The number of the signal that came last, or zero.
    last: Arc<AtomicUsize>,
}

/// A signal that has come. Its `Display` is a name such as `SIGTERM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal(u8);

impl Signal {
    /// Returns the status with which a program ends that this signal has stopped, as shells report it.
    #[must_use]
    pub fn exit_status(self) -> u8 {
        128 + self.0
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(signal_name(i32::from(self.0)).unwrap_or("a signal"))
    }
}

impl Signals {
    /// Catches the signals from now on.
    ///
    /// # Errors
    ///
    /// If the operating system refuses to deliver signals.
    pub fn catch() -> io::Result<Self> {
        let caught = Self { stop: Arc::default(), at_once: Arc::default(), last: Arc::default() };
        #[cfg(unix)]
        let signals = [SIGINT, SIGTERM, SIGHUP];
        #[cfg(not(unix))]
        let signals = [SIGINT, SIGTERM];
        let ignored = ignored();
        for signal in signals.into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0) {
            let ends = if signal == SIGINT { &caught.stop } else { &caught.at_once };
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(ends))?;
            flag::register_usize(signal, Arc::clone(&caught.last), signal as usize)?;
            flag::register(signal, Arc::clone(&caught.stop))?;
        }
        // Without SIGXFSZ, a file that grows beyond its limit is an error like a full disk.
        #[cfg(unix)]
        flag::register(SIGXFSZ, Arc::default())?;
        Ok(caught)
    }

    /// Returns the signal that has come last, if any has.
    #[must_use]
    pub fn last(&self) -> Option<Signal> {
        let last = u8::try_from(self.last.load(Ordering::Relaxed)).expect("signals are small");
        (last != 0).then_some(Signal(last))
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

#[cfg(all(test, unix))]
mod tests {
    use signal_hook::low_level::raise;

    use super::*;

    /// The signals go to this process: no other test of this binary catches any.
    #[test]
    fn the_last_signal_is_told() {
        let signals = Signals::catch().expect("signals can be caught");
        assert_eq!(signals.last(), None);
        for (signal, status, name) in
            [(SIGTERM, 143, "SIGTERM"), (SIGHUP, 129, "SIGHUP"), (SIGINT, 130, "SIGINT")]
        {
            signals.stop.store(false, Ordering::Relaxed); // as if it were the first
            raise(signal).expect("it can be raised");
            let last = signals.last().expect("it has come");
            assert_eq!((last.exit_status(), last.to_string().as_str()), (status, name));
        }
        raise(SIGXFSZ).expect("it can be raised");
        assert_eq!(signals.last().map(Signal::exit_status), Some(130), "a full disk is no signal");
    }
}
