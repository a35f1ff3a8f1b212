//! Scheduling of pieces of work that depend on each other.

use std::sync::atomic::{AtomicU8, Ordering};

use super::forks::fork;
use super::parallel::spread;

/// Pieces of work, some of which depend on others. No thread waits for the slowest piece of a
/// stage, as it would at a barrier between stages.
///
/// A piece must not hand work to the pool: while it waits, its thread might begin another piece
/// that depends on this one.
pub(crate) struct Pieces<'w> {
    states: Vec<AtomicU8>,
    work: &'w (dyn Fn(&Self, usize) + Sync),
}

/// No thread has begun the piece.
const FREE: u8 = 0;
const BEGUN: u8 = 1;
const DONE: u8 = 2;

/// Polls of a piece before a waiting thread yields.
const LOOKS: usize = 1 << 10;

impl<'w> Pieces<'w> {
    /// Calls `work(pieces, i)` once for each `i < count`, on `threads` threads. A thread starts
    /// with the pieces of `order(thread)`, then takes any that no other has begun.
    pub(crate) fn run<I: Iterator<Item = usize>>(
        count: usize,
        threads: usize,
        order: impl Fn(usize) -> I + Sync,
        work: &'w (dyn Fn(&Self, usize) + Sync),
    ) {
        let pieces = Self { states: (0..count).map(|_| AtomicU8::new(FREE)).collect(), work };
        let thread = |thread| {
            for piece in order(thread).chain(0..count) {
                pieces.begin(piece);
            }
        };
        if threads == 1 {
            thread(0); // without waking threads
        } else {
            fork(count, || spread(threads, &thread));
        }
    }

    /// Runs a piece unless a thread has begun it.
    fn begin(&self, piece: usize) {
        let state = &self.states[piece];
        // the exchange succeeds on one thread, which runs the piece
        let exchange = state.compare_exchange(FREE, BEGUN, Ordering::Relaxed, Ordering::Relaxed);
        if exchange.is_ok() {
            let _done = Done(state);
            (self.work)(self, piece);
        }
    }

    /// Returns once a piece is done. Runs it on this thread, or waits if another has begun it.
    pub(crate) fn need(&self, piece: usize) {
        self.begin(piece);
        let mut looks = 0;
        while self.states[piece].load(Ordering::Acquire) != DONE {
            looks += 1;
            if looks < LOOKS {
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
    }
}

/// Marks a piece as done when dropped, so that no thread waits for a piece that panicked.
struct Done<'a>(&'a AtomicU8);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(DONE, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::AtomicUsize;

    use rayon::prelude::*;

    use super::*;

    fn on_threads<R: Send>(threads: usize, f: impl FnOnce() -> R + Send) -> R {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(f)
    }

    /// A table of pieces, each of which needs the one above it and the whole first column of its row.
    #[test]
    fn pieces_are_done_once_and_after_what_they_need() {
        const ROWS: usize = 20;
        const COLUMNS: usize = 7;
        for threads in [1, 2, 3, 5] {
            let done: Vec<_> = (0..ROWS * COLUMNS).map(|_| AtomicUsize::new(0)).collect();
            let is_done = |piece: usize| done[piece].load(Ordering::Relaxed) == 1;
            let work = |pieces: &Pieces<'_>, piece: usize| {
                let (row, column) = (piece / COLUMNS, piece % COLUMNS);
                if column > 0 {
                    pieces.need(row * COLUMNS);
                    assert!(is_done(row * COLUMNS));
                }
                if row > 0 {
                    pieces.need(piece - COLUMNS);
                    assert!(is_done(piece - COLUMNS));
                }
                done[piece].fetch_add(1, Ordering::Relaxed);
            };
            let order = |thread: usize| (thread..ROWS * COLUMNS).rev().step_by(threads);
            on_threads(threads, || Pieces::run(ROWS * COLUMNS, threads, order, &work));
            assert!((0..ROWS * COLUMNS).all(is_done), "{threads} threads");
        }
    }

    /// A pool thread that is busy with the pieces of another run delays no run.
    #[test]
    fn many_pieces_run_side_by_side() {
        let total = AtomicUsize::new(0);
        on_threads(3, || {
            (0..50).into_par_iter().for_each(|_| {
                let work = |pieces: &Pieces<'_>, piece: usize| {
                    (0..piece).for_each(|before| pieces.need(before));
                    total.fetch_add(1, Ordering::Relaxed);
                };
                Pieces::run(9, 3, |thread| (thread..9).step_by(3), &work);
            });
        });
        assert_eq!(total.into_inner(), 50 * 9);
    }

    #[test]
    fn a_piece_that_panics_keeps_nobody_waiting() {
        let work = |pieces: &Pieces<'_>, piece: usize| match piece {
            0 => panic!("on purpose"),
            _ => pieces.need(0),
        };
        let run = || on_threads(3, || Pieces::run(12, 3, |thread| thread..thread + 1, &work));
        assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
    }
}
