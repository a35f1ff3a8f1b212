//! Independent runs on all cores.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use programs::terminal::{Bar, Signals};

/// The runs that are still to begin, and the progress of all.
pub(crate) struct Queue<'s> {
    count: usize,
    next: AtomicUsize,
    /// The display, and the number of runs that are done.
    progress: Mutex<(Bar, usize)>,
    name: &'s str,
    signals: &'s Signals,
}

impl<'s> Queue<'s> {
    pub(super) fn new(count: usize, name: &'s str, signals: &'s Signals) -> Self {
        let progress = Mutex::new((Bar::new(0, count), 0));
        Self { count, next: AtomicUsize::new(0), progress, name, signals }
    }

    /// Returns the number of the next run, from 0. After a signal there is none.
    pub(crate) fn next(&self) -> Option<usize> {
        let next = || self.next.fetch_add(1, Ordering::Relaxed);
        (!self.is_stopped()).then(next).filter(|&next| next < self.count)
    }

    /// Notes that a run is done.
    pub(crate) fn done(&self) {
        let (bar, done) = &mut *self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        *done += 1;
        let (name, count) = (self.name, self.count);
        bar.advance(|_| name.to_owned(), |_| format!("{name}: run {done}/{count}"));
    }

    /// Whether a signal has come.
    pub(crate) fn is_stopped(&self) -> bool {
        self.signals.last().is_some()
    }

    /// Lets a worker on each core take runs. Returns what each worker returns.
    pub(super) fn work<R: Send>(&self, worker: impl Fn() -> R + Sync) -> Vec<R> {
        let workers =
            thread::available_parallelism().map_or(1, |cores| cores.get().min(self.count));
        thread::scope(|scope| {
            let started: Vec<_> = (0..workers).map(|_| scope.spawn(&worker)).collect();
            let join = |worker: thread::ScopedJoinHandle<'_, R>| {
                worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            started.into_iter().map(join).collect()
        })
    }
}

/// Returns `run(0)`, …, `run(count − 1)`. After a signal no further run begins, and only the results of
/// runs that had begun are returned.
pub(super) fn map<R: Send>(
    count: usize,
    run: impl Fn(usize) -> R + Sync,
    name: &str,
    signals: &Signals,
) -> Vec<R> {
    let queue = Queue::new(count, name, signals);
    let worker = || {
        let mut results = Vec::new();
        while let Some(index) = queue.next() {
            results.push((index, run(index)));
            queue.done();
        }
        results
    };
    let mut results: Vec<_> = queue.work(worker).into_iter().flatten().collect();
    results.sort_by_key(|&(index, _)| index);
    results.into_iter().map(|(_, result)| result).collect()
}
