//! Counters of how work is divided among threads.

use std::num::NonZero;
use std::ops::Sub;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How some work was divided among the threads of the pool, by [`count_forks`].
///
/// A fork divides an operation, a stage or a loop over steps into pieces, which any threads may run.
/// It ends when all pieces are done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forks {
    /// Forks. What runs on one thread from the start, since it is small, is none.
    pub count: usize,
    /// The pieces of all forks.
    pub pieces: usize,
    /// Bytes of weights that pieces of scans read: once for each piece and step.
    pub weight_bytes: usize,
    /// The time from the begin to the end of each fork, added up.
    pub elapsed: Duration,
    /// What `elapsed` would have been if every thread of the pool had a processor core to itself, as fast as those
    /// here. It is derived from the numbers of pieces, cores and threads. It assumes that the pieces of a fork take
    /// the same time.
    pub on_own_cores: Duration,
}

impl Sub for Forks {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            count: self.count - before.count,
            pieces: self.pieces - before.pieces,
            weight_bytes: self.weight_bytes - before.weight_bytes,
            elapsed: self.elapsed - before.elapsed,
            on_own_cores: self.on_own_cores - before.on_own_cores,
        }
    }
}

/// Calls `work`, and counts how the process divides work among threads meanwhile. Calls may overlap and nest.
///
/// A large number of forks costs time: each wakes threads, and waits for the last of them. Fewer pieces than threads
/// leave threads without work. In a pool of more threads than there are cores, the counts are those of a
/// larger machine, and [`Forks::on_own_cores`] estimates its time.
///
/// ```
/// use bptt_tensor::{Tensor, count_forks};
///
/// let x = Tensor::<f32>::ones([1000, 1000]);
/// let (y, forks) = count_forks(|| x.exp());
/// assert_eq!(y.len(), 1_000_000);
/// assert_eq!(forks.count, 1);
/// assert_eq!(count_forks(|| Tensor::<f32>::ones([10]).exp()).1.count, 0);
/// ```
pub fn count_forks<R>(work: impl FnOnce() -> R) -> (R, Forks) {
    let _active = Raised::new(&ACTIVE);
    let before = *totals();
    let result = work();
    let forks = *totals() - before;
    (result, forks)
}

/// Calls of [`count_forks`] that have not ended.
static ACTIVE: AtomicUsize = AtomicUsize::new(0);

/// Counted forks that have not ended.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// All that has been counted since the process began.
static TOTALS: Mutex<Forks> = Mutex::new(Forks {
    count: 0,
    pieces: 0,
    weight_bytes: 0,
    elapsed: Duration::ZERO,
    on_own_cores: Duration::ZERO,
});

fn totals() -> MutexGuard<'static, Forks> {
    TOTALS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A count that is one higher until this is dropped.
struct Raised(&'static AtomicUsize);

impl Raised {
    /// Raises a count. Also returns what it was.
    fn new(count: &'static AtomicUsize) -> (Self, usize) {
        (Self(count), count.fetch_add(1, Ordering::AcqRel))
    }
}

impl Drop for Raised {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn is_counting() -> bool {
    ACTIVE.load(Ordering::Relaxed) > 0
}

/// Runs a fork of so many pieces. A fork within a piece of another takes no time of its own.
pub(crate) fn fork(pieces: usize, run: impl FnOnce()) {
    if !is_counting() {
        return run();
    }
    let (_open, others) = Raised::new(&OPEN);
    let begin = Instant::now();
    run();
    let elapsed = begin.elapsed();
    let mut totals = totals();
    totals.count += 1;
    totals.pieces += pieces;
    if others == 0 {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        totals.elapsed += elapsed;
        totals.on_own_cores +=
            elapsed.mul_f64(rounds(pieces, rayon::current_num_threads()) / rounds(pieces, cores));
    }
}

/// How often each of several threads runs a piece, if all pieces take the same time.
fn rounds(pieces: usize, threads: usize) -> f64 {
    pieces.div_ceil(threads).max(1) as f64
}

/// Counts the weights that the pieces of a scan read.
pub(crate) fn read_weights(bytes: usize) {
    if is_counting() {
        totals().weight_bytes += bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_those_of_the_busiest_thread() {
        assert_eq!([0, 1, 8, 9, 64].map(|pieces| rounds(pieces, 8)), [1.0, 1.0, 1.0, 2.0, 8.0]);
    }
}
