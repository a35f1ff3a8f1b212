//! Counters of how work is divided among threads.

use std::num::NonZero;
use std::ops::Sub;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How work was divided among the threads of the pool, by [`count_forks`].
///
/// A fork divides an operation, a stage or a loop over steps into pieces, which any threads may run.
/// It ends when all pieces are done. Forks of tensor operations and scans are counted. Those of optimizers, of
/// gradient clipping and of [`low_latency`](crate::low_latency) are not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forks {
    /// The number of forks. Work too small to be divided is no fork.
    pub count: usize,
    /// The pieces of all forks.
    pub pieces: usize,
    /// Bytes of weights that scans read: once in each step of a loop, by each piece that reads them; once in each piece
    /// before or after a loop.
    pub weight_bytes: usize,
    /// The time during which forks ran. A fork that begins while another runs adds none.
    pub elapsed: Duration,
    /// An estimate of what `elapsed` would be if every thread of the pool had a processor core to itself, as fast as
    /// those here. It assumes that the pieces of a fork take the same time.
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
/// Every fork costs time: it wakes threads, and waits for the last of them. If a fork has fewer pieces than there are
/// threads, some have no work. In a pool of more threads than there are cores, the counts are those of a
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

/// Runs a fork of so many pieces.
pub(crate) fn fork(pieces: usize, run: impl FnOnce()) {
    if !is_counting() {
        return run();
    }
    let (_open, others) = Raised::new(&OPEN);
    let begin = Instant::now();
    run();
    let elapsed = begin.elapsed();
    let own = elapsed.mul_f64(part_on_own_cores(pieces, rayon::current_num_threads(), cores()));
    let mut totals = totals();
    totals.count += 1;
    totals.pieces += pieces;
    if others == 0 {
        totals.elapsed += elapsed;
        totals.on_own_cores += own;
    }
}

/// The cores of this machine.
fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| thread::available_parallelism().map_or(1, NonZero::get))
}

/// The part of its time that a fork would take if its threads, which share some cores, had a core each.
fn part_on_own_cores(pieces: usize, threads: usize, cores: usize) -> f64 {
    let shared = threads.min(cores) as f64;
    let (rounds, rest) = (pieces / threads, pieces % threads);
    let of_rest = if rest == 0 { 0.0 } else { (rest as f64 / shared).max(1.0) };
    let time = rounds as f64 * threads as f64 / shared + of_rest; // in units of the time of a piece
    if pieces == 0 { 1.0 } else { pieces.div_ceil(threads) as f64 / time }
}

/// Counts the weights that the pieces of a scan read.
pub(crate) fn read_weights(bytes: impl FnOnce() -> usize) {
    if is_counting() {
        totals().weight_bytes += bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_with_a_core_each_take_all_of_the_time() {
        for pieces in 0..10 {
            for threads in 1..5 {
                assert!((part_on_own_cores(pieces, threads, 4) - 1.0).abs() < 1e-15);
            }
        }
    }

    #[test]
    fn threads_that_share_cores_take_less_with_their_own() {
        let cases = [
            ((8, 8, 2), 1.0 / 4.0),   // one round in place of four
            ((3, 3, 2), 1.0 / 1.5),   // three pieces take turns on two cores
            ((1, 8, 2), 1.0),         // a single piece has a core already
            ((9, 8, 2), 2.0 / 5.0),   // a last round of one piece
            ((10, 64, 2), 1.0 / 5.0), // fewer pieces than threads
            ((16, 4, 1), 4.0 / 16.0),
        ];
        for ((pieces, threads, cores), expected) in cases {
            let part = part_on_own_cores(pieces, threads, cores);
            assert!((part - expected).abs() < 1e-15, "{pieces}, {threads}, {cores}: {part}");
        }
    }
}
