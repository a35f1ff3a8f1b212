//! Threads that spin while they wait for small pieces of work.
//!
//! A step of a single sequence takes some 100 µs, and has a few products, one after the other. To
//! wake a sleeping thread for each takes as long as the product itself. The workers of a team do not
//! sleep: they look for the next round of work until the team ends.

use std::any::Any;
use std::cell::{RefCell, UnsafeCell};
use std::hint::spin_loop;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Calls `work`. Meanwhile the other threads of the pool spin, ready for the matrix products of
/// `work`, so that even a small product runs on all threads.
///
/// It is for steps of few sequences, such as in generation, where waking a thread takes as long as
/// the product it is woken for. The results have the same bits.
///
/// While `work` runs, the other threads of the pool do nothing else: all but its products runs on
/// this thread, and other callers of the pool wait. So `work` must not wait for them. At most one
/// call in the process has spinning threads. Others, and calls within it, run `work` as usual.
///
/// ```
/// use bptt_tensor::{PackedRhs, Tensor, low_latency};
///
/// let matrix = PackedRhs::new(&Tensor::<f32>::full([512, 512], 0.01), false);
/// let mut row = Tensor::full([1, 512], 1.0);
/// low_latency(|| {
///     for _ in 0..10 {
///         row = row.matmul_packed(&matrix);
///     }
/// });
/// # assert!(row.as_slice().iter().all(|x| x.is_finite()));
/// ```
pub fn low_latency<R>(work: impl FnOnce() -> R) -> R {
    if IS_TAKEN.swap(true, Ordering::Acquire) {
        return work();
    }
    let _lead = Lead(Team::gather());
    work()
}

/// Whether there is a team.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The team that this thread leads, and that is not at work.
    static LED: RefCell<Option<Arc<Team>>> = const { RefCell::new(None) };
}

/// A thread's lead of a team, which ends with this value.
struct Lead(Arc<Team>);

impl Drop for Lead {
    fn drop(&mut self) {
        LED.set(None);
        self.0.round.0.store(END, Ordering::Release);
        IS_TAKEN.store(false, Ordering::Release);
    }
}

/// Calls `work` on ranges that make up `0..count`, on the threads of the team that this thread
/// leads. Ranges may be empty. Returns false, without a call, if this thread leads no team, or is
/// within such a call.
///
/// A thread that is not late has the same ranges in every call with this count. It then finds in its
/// cache what it read before.
pub(crate) fn shared_out(count: usize, work: &(dyn Fn(Range<usize>) + Sync)) -> bool {
    let Some(team) = LED.take() else { return false };
    let busy = Busy(team);
    busy.0.run(&|chunk, chunks| work(chunk * count / chunks..(chunk + 1) * count / chunks));
    true
}

/// A team at work, which is available again when this is dropped.
struct Busy(Arc<Team>);

impl Drop for Busy {
    fn drop(&mut self) {
        LED.set(Some(self.0.clone()));
    }
}

/// The work of a round: called with the number of a chunk and of all chunks.
type Work<'a> = dyn Fn(usize, usize) + Sync + 'a;

/// A value in two cache lines of its own, since the processor fetches lines in pairs.
#[derive(Default)]
#[repr(align(128))]
struct Aligned<T>(T);

/// A leader and its workers. Each has its own chunks of a round.
struct Team {
    /// The number of the round.
    round: Aligned<AtomicU64>,
    /// Chunks of the round that are not done.
    open: Aligned<AtomicU64>,
    /// Workers that have joined, and whether the team is [`CLOSED`].
    joined: Aligned<AtomicU64>,
    /// Chunks of a round, once the team is closed.
    chunks: AtomicUsize,
    /// For each chunk of each thread, the last round in which it was claimed.
    claimed: Vec<Aligned<[AtomicU64; CHUNKS]>>,
    /// The first panic of a chunk.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    /// Valid while a chunk is open.
    work: UnsafeCell<Option<*const Work<'static>>>,
}

/// The round after the last.
const END: u64 = u64::MAX;

/// The bit of a team that no worker joins any more.
const CLOSED: u64 = 1 << 32;

/// Chunks of a round for each thread. The leader takes those of a worker that does not run at the
/// moment, as on a busy machine.
const CHUNKS: usize = 4;

/// How often a thread looks at a value before it lets others run, before it sleeps for moments, and before it sleeps
/// for longer.
const SPINS: usize = 1 << 12;
const YIELDS: usize = SPINS + (1 << 10);
const NAPS: usize = YIELDS + (1 << 10);

// SAFETY: the leader writes the work when no chunk is open. Another thread reads it only for a chunk
// that it has claimed, and the work is `Sync`.
unsafe impl Sync for Team {}
// SAFETY: the address of the work is used only as above.
unsafe impl Send for Team {}

impl Team {
    /// Gathers the threads of the pool, and makes this thread their leader.
    ///
    /// A thread that is busy is not waited for. It finds the team closed: if it could join within
    /// `work`, it might do so while it waits for another part of `work`, which would never end.
    fn gather() -> Arc<Self> {
        // this thread stands in for one of the pool, if it is not one itself
        let threads = rayon::current_num_threads();
        let idle = rayon::current_thread_index().unwrap_or(threads - 1);
        let team = Arc::new(Self {
            round: Aligned::default(),
            open: Aligned::default(),
            joined: Aligned::default(),
            chunks: AtomicUsize::new(0),
            claimed: (0..threads).map(|_| Aligned::default()).collect(),
            panic: Mutex::default(),
            work: UnsafeCell::new(None),
        });
        let worker = team.clone();
        rayon::spawn_broadcast(move |context| {
            if context.index() != idle {
                worker.join();
            }
        });
        let mut pause = Pause::default();
        while team.joined.0.load(Ordering::Acquire) < threads as u64 - 1 && !pause.is_long() {
            pause.wait();
        }
        let workers = team.joined.0.fetch_or(CLOSED, Ordering::AcqRel) as usize;
        team.chunks.store((workers + 1) * CHUNKS, Ordering::Relaxed);
        LED.set(Some(team.clone()));
        team
    }

    /// Takes part in all rounds, unless the team is closed.
    fn join(&self) {
        let joined = self.joined.0.fetch_add(1, Ordering::AcqRel);
        if joined >= CLOSED {
            return;
        }
        let own = (joined as usize + 1) * CHUNKS;
        let mut last = 0;
        while last != END {
            last = wait_for(&self.round.0, |round| round != last);
            if last != END {
                (own..own + CHUNKS).for_each(|chunk| self.chunk(last, chunk));
            }
        }
    }

    /// Runs a round on the leader and all workers.
    fn run(&self, work: &Work<'_>) {
        let round = self.round.0.load(Ordering::Relaxed) + 1;
        let work = std::ptr::from_ref(work);
        // SAFETY: only the lifetime changes. The work is called for claimed chunks, and this function
        // returns or panics after all of them.
        let work = unsafe { std::mem::transmute::<*const Work<'_>, *const Work<'static>>(work) };
        // SAFETY: no chunk is open, so nobody else reads it.
        unsafe { *self.work.get() = Some(work) };
        self.open.0.store(self.chunks() as u64, Ordering::Relaxed);
        self.round.0.store(round, Ordering::Release);
        (0..self.chunks()).for_each(|chunk| self.chunk(round, chunk));
        wait_for(&self.open.0, |open| open == 0);
        if let Some(panic) = self.panic().take() {
            resume_unwind(panic);
        }
    }

    /// Chunks of a round.
    fn chunks(&self) -> usize {
        self.chunks.load(Ordering::Relaxed)
    }

    /// Runs a chunk of a round, unless a thread has claimed it, or the round is over. Keeps a panic for the leader.
    fn chunk(&self, round: u64, chunk: usize) {
        if !self.claim(round, chunk) {
            return;
        }
        // SAFETY: the leader wrote it before the round, and waits for this chunk before it writes
        // again or the work ends.
        let work = unsafe { (*self.work.get()).map(|work| &*work) }.expect("a round has work");
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(chunk, self.chunks()))) {
            self.panic().get_or_insert(panic);
        }
        self.open.0.fetch_sub(1, Ordering::Release);
    }

    /// Whether this thread is the first to claim a chunk of a round. In a round that is over, every
    /// chunk has been claimed.
    fn claim(&self, round: u64, chunk: usize) -> bool {
        let claimed = &self.claimed[chunk / CHUNKS].0[chunk % CHUNKS];
        claimed.fetch_max(round, Ordering::AcqRel) < round
    }

    fn panic(&self) -> MutexGuard<'_, Option<Box<dyn Any + Send>>> {
        self.panic.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Spins until a value is as asked for.
pub(super) fn wait_for(value: &AtomicU64, is_it: impl Fn(u64) -> bool) -> u64 {
    let mut pause = Pause::default();
    loop {
        let now = value.load(Ordering::Acquire);
        if is_it(now) {
            return now;
        }
        pause.wait();
    }
}

/// The pauses of a thread that waits. It spins, then lets others run, and at last sleeps for moments.
#[derive(Default)]
struct Pause(usize);

impl Pause {
    fn wait(&mut self) {
        self.0 += 1;
        match self.0 {
            ..SPINS => spin_loop(),
            SPINS..YIELDS => thread::yield_now(),
            YIELDS..NAPS => thread::sleep(Duration::from_micros(50)),
            _ => thread::sleep(Duration::from_millis(1)), // the leader is busy elsewhere, such as with output
        }
    }

    /// Whether it would sleep now.
    fn is_long(&self) -> bool {
        self.0 >= YIELDS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_threads<R: Send>(threads: usize, f: impl FnOnce() -> R + Send) -> R {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(f)
    }

    /// Leads a team, of which this thread may be the only one if the pool is busy.
    fn leading<R>(work: impl FnOnce() -> R) -> R {
        low_latency(|| {
            assert!(LED.with_borrow(Option::is_some), "no other test leads a team");
            work()
        })
    }

    /// There is one team at a time in the process, so these tests take turns.
    static TURN: Mutex<()> = Mutex::new(());

    fn turn() -> MutexGuard<'static, ()> {
        TURN.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[test]
    fn every_index_is_done_once_in_every_round() {
        let _turn = turn();
        let rounds = if cfg!(miri) { 3 } else { 100 };
        let check = || {
            for _ in 0..rounds {
                let done: Vec<_> = (0..29).map(|_| AtomicUsize::new(0)).collect();
                let work = |range: Range<usize>| {
                    for i in range {
                        done[i].fetch_add(1, Ordering::Relaxed);
                    }
                };
                assert!(shared_out(29, &work));
                assert!(done.iter().all(|done| done.load(Ordering::Relaxed) == 1));
            }
        };
        leading(check); // from outside the pool
        for threads in [1, 2, 3, 5] {
            on_threads(threads, || leading(check));
        }
    }

    #[test]
    fn workers_take_their_chunks() {
        let _turn = turn();
        on_threads(2, || {
            leading(|| {
                let leader = thread::current().id();
                let is_begun = AtomicBool::new(false);
                let work = |range: Range<usize>| match thread::current().id() == leader {
                    true if range.is_empty() || range.start > 0 => {}
                    true => {
                        let mut pause = Pause::default();
                        while !is_begun.load(Ordering::Acquire) {
                            pause.wait();
                        }
                    }
                    false => is_begun.store(true, Ordering::Release),
                };
                let workers = LED.with_borrow(|led| led.as_ref().unwrap().chunks()) / CHUNKS - 1;
                if workers > 0 {
                    assert!(shared_out(8, &work));
                }
            });
        });
    }

    #[test]
    fn only_the_leader_shares_out_and_not_within_a_round() {
        let _turn = turn();
        assert!(!shared_out(3, &|_| unreachable!()));
        leading(|| {
            assert!(shared_out(3, &|_| assert!(!shared_out(3, &|_| unreachable!()))));
            low_latency(|| assert!(shared_out(1, &|_| ())));
            thread::scope(|scope| {
                let other = scope.spawn(|| low_latency(|| shared_out(1, &|_| unreachable!())));
                assert!(!other.join().unwrap());
            });
            assert!(shared_out(1, &|_| ()));
        });
        assert!(!shared_out(3, &|_| unreachable!()));
    }

    #[test]
    fn a_panic_of_any_chunk_reaches_the_caller_and_the_team_goes_on() {
        let _turn = turn();
        for guilty in 0..8 {
            on_threads(2, || {
                leading(|| {
                    let work =
                        |range: Range<usize>| assert!(!range.contains(&guilty), "on purpose");
                    let result = catch_unwind(AssertUnwindSafe(|| shared_out(8, &work)));
                    let panic = result.expect_err("a chunk panics");
                    assert_eq!(panic.downcast_ref(), Some(&"on purpose"));
                    assert!(shared_out(8, &|_| ()));
                });
            });
        }
    }

    /// A thread that still looks for work when the team begins must not join within a part of the work.
    #[test]
    fn work_that_forks_at_once_ends() {
        let _turn = turn();
        for _ in 0..if cfg!(miri) { 1 } else { 200 } {
            on_threads(3, || {
                fn fork(depth: usize) -> usize {
                    match depth {
                        0 => 1,
                        _ => {
                            let (a, b) = rayon::join(|| fork(depth - 1), || fork(depth - 1));
                            a + b
                        }
                    }
                }
                let (before, within) = rayon::join(|| fork(3), || leading(|| fork(4)));
                assert_eq!((before, within), (8, 16));
            });
        }
    }
}
