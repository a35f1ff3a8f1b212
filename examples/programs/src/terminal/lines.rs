//! Lines on standard error, above the progress bar if there is one.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use env_logger::{Builder, Env, Target};
use indicatif::{ProgressBar, WeakProgressBar};

/// The bar on standard error.
static BAR: Mutex<Option<WeakProgressBar>> = Mutex::new(None);

/// Standard error, for whole lines. A write removes the bar, and draws it again below what is written.
struct Lines;

impl Write for Lines {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let write = || io::stderr().write_all(lines).map(|()| lines.len());
        let bar = bar_slot().as_ref().and_then(WeakProgressBar::upgrade);
        match bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

fn bar_slot() -> MutexGuard<'static, Option<WeakProgressBar>> {
    BAR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps this bar below all lines, until it is dropped or another bar takes its place.
pub(super) fn keep_below(bar: &ProgressBar) {
    *bar_slot() = Some(bar.downgrade());
}

/// Writes a line to standard error. A closed standard error must not end a training run.
pub fn tell(line: &str) {
    let _ = Lines.write_all(format!("{line}\n").as_bytes());
}

/// Starts the log of the program, which the `log` macros write. `RUST_LOG` sets its level, by default `warn`.
pub fn start_log() {
    let settings = Env::default().default_filter_or("warn");
    Builder::from_env(settings).target(Target::Pipe(Box::new(Lines))).init();
}
