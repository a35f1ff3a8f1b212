//! Independent runs on all cores.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use programs::terminal::{Bar, Signals};

/// Returns `run(0)`, …, `run(count − 1)`. After a signal no further run begins, and only the results of
/// runs that had begun are returned.
pub(super) fn map<R: Send>(
    count: usize,
    run: impl Fn(usize) -> R + Sync,
    name: &str,
    signals: &Signals,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let shared = Mutex::new((Bar::new(0, count), Vec::with_capacity(count)));
    let work = || {
        while signals.last().is_none() {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                break;
            }
            let result = run(index);
            let (bar, results) = &mut *shared.lock().unwrap_or_else(PoisonError::into_inner);
            results.push((index, result));
            let done = results.len();
            bar.advance(|_| name.to_owned(), |_| format!("{name}: run {done}/{count}"));
        }
    };
    let workers = thread::available_parallelism().map_or(1, |cores| cores.get().min(count));
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    let (_, mut results) = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|&(index, _)| index);
    results.into_iter().map(|(_, result)| result).collect()
}
