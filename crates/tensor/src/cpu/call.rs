//! Work that a thread from outside the pool shares with the pool.
//!
//! Rayon hands the whole work of such a thread to the pool, and lets the thread sleep meanwhile. To
//! wake a thread of the pool and then this one takes longer than most operations. Here the thread
//! works itself, and the threads of the pool help as soon as they are awake. It waits for no thread
//! that has not begun.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::team::wait_for;

/// Calls `work(i)` for each `i < count`, on this thread and on those of the pool that are free.
#[inline(never)]
pub(super) fn share(count: usize, work: &(dyn Fn(usize) + Sync)) {
    let work = std::ptr::from_ref(work);
    // SAFETY: only the lifetime changes. The work is called for claimed pieces, and this function
    // returns or panics after all of them.
    let work = unsafe { std::mem::transmute::<*const Work<'_>, *const Work<'static>>(work) };
    let call = Arc::new(Call {
        next: AtomicU64::new(0),
        open: AtomicU64::new(count as u64),
        count,
        panic: Mutex::default(),
        work,
    });
    for _ in 1..rayon::current_num_threads().min(count) {
        call.ask_for_help();
    }
    call.take_part();
    wait_for(&call.open, |open| open == 0);
    if let Some(panic) = call.panic().take() {
        resume_unwind(panic);
    }
}

type Work<'a> = dyn Fn(usize) + Sync + 'a;

/// A call of [`share`]. A helper that is late finds it when the work is gone.
struct Call {
    /// The next piece that no thread has claimed.
    next: AtomicU64,
    /// Pieces that are not done.
    open: AtomicU64,
    count: usize,
    /// The first panic of a piece.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    /// Valid while a piece is open.
    work: *const Work<'static>,
}

// SAFETY: the work is `Sync`. A thread reads it only for a piece that it has claimed, which is open.
unsafe impl Sync for Call {}
// SAFETY: the address of the work is used only as above.
unsafe impl Send for Call {}

/// Requests for help that no thread of the pool has seen so far, of all calls.
static UNSEEN: AtomicUsize = AtomicUsize::new(0);

/// The most unseen requests for each thread of the pool. A pool that is busy for long sees none.
const UNSEEN_OF_THREAD: usize = 4;

impl Call {
    /// Asks a thread of the pool to take part, unless all have been busy for some time.
    fn ask_for_help(self: &Arc<Self>) {
        if UNSEEN.fetch_add(1, Ordering::Relaxed) >= UNSEEN_OF_THREAD * rayon::current_num_threads()
        {
            UNSEEN.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let call = self.clone();
        rayon::spawn(move || {
            UNSEEN.fetch_sub(1, Ordering::Relaxed);
            call.take_part();
        });
    }

    /// Claims pieces until none is left. Keeps a panic for the caller.
    fn take_part(&self) {
        loop {
            let piece = self.next.fetch_add(1, Ordering::Relaxed) as usize;
            if piece >= self.count {
                return;
            }
            // SAFETY: the piece is open, so the caller still waits and the work is there.
            let work = unsafe { &*self.work };
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(piece))) {
                self.panic().get_or_insert(panic);
            }
            self.open.fetch_sub(1, Ordering::Release);
        }
    }

    fn panic(&self) -> MutexGuard<'_, Option<Box<dyn Any + Send>>> {
        self.panic.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use super::*;

    /// Requests are counted in the process, so the tests take turns.
    static TURN: Mutex<()> = Mutex::new(());

    fn turn() -> MutexGuard<'static, ()> {
        TURN.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[test]
    fn every_piece_is_done_once() {
        let _turn = turn();
        let rounds = if cfg!(miri) { 3 } else { 200 };
        for count in (0..rounds).map(|round| round % 7) {
            let done: Vec<_> = (0..count).map(|_| AtomicUsize::new(0)).collect();
            share(count, &|i| {
                done[i].fetch_add(1, Ordering::Relaxed);
            });
            assert!(done.iter().all(|done| done.load(Ordering::Relaxed) == 1));
        }
    }

    /// Every thread of the pool is busy until the calls return.
    #[test]
    fn nobody_waits_for_a_busy_pool_nor_fills_its_queue() {
        let _turn = turn();
        let is_over = Arc::new(AtomicBool::new(false));
        let busy = is_over.clone();
        rayon::spawn_broadcast(move |_| {
            while !busy.load(Ordering::Acquire) {
                thread::yield_now();
            }
        });
        let done = AtomicUsize::new(0);
        let calls = if cfg!(miri) { 20 } else { 1000 };
        for _ in 0..calls {
            share(5, &|_| {
                done.fetch_add(1, Ordering::Relaxed);
            });
        }
        let unseen = UNSEEN.load(Ordering::Relaxed);
        is_over.store(true, Ordering::Release);
        assert_eq!(done.into_inner(), 5 * calls);
        // another test may be about to withdraw a request
        assert!(unseen <= (UNSEEN_OF_THREAD + 1) * rayon::current_num_threads(), "{unseen}");
    }

    #[test]
    fn the_pool_helps() {
        let _turn = turn();
        if rayon::current_num_threads() == 1 {
            return;
        }
        rayon::broadcast(|_| ()); // the pool has seen all requests so far
        let caller = thread::current().id();
        let is_helped = AtomicBool::new(false);
        share(2, &|_| {
            // the caller's piece ends once a helper has begun the other
            if thread::current().id() == caller {
                while !is_helped.load(Ordering::Acquire) {
                    thread::yield_now();
                }
            }
            is_helped.store(true, Ordering::Release);
        });
        assert!(is_helped.into_inner());
    }

    #[test]
    fn a_panic_reaches_the_caller_after_all_pieces() {
        let _turn = turn();
        let done = AtomicUsize::new(0);
        let work = |i: usize| {
            assert!(i != 1, "on purpose");
            done.fetch_add(1, Ordering::Relaxed);
        };
        let refused = catch_unwind(AssertUnwindSafe(|| share(6, &work))).expect_err("it panics");
        assert_eq!(refused.downcast_ref::<&str>(), Some(&"on purpose"));
        assert_eq!(done.into_inner(), 5);
    }
}
