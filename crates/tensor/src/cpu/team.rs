//! Threads that wait actively for small pieces of work.
//!
//! A step of a single sequence takes some 100 µs, and has a few products, one after the other. To
//! wake a sleeping thread for each takes as long as the product itself. The members of a team do
//! not sleep: they look for the next round of work until the team ends.

use std::cell::{RefCell, UnsafeCell};
use std::hint::spin_loop;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Calls `work`. Meanwhile the other threads of the pool wait actively for its products, so that
/// even a small one runs on all threads.
///
/// It is for steps of few sequences, such as in generation, where waking a thread takes as long as
/// the product it is woken for. The results have the same bits. While `work` runs, the other
/// threads use the processor even when there is nothing to do, and do nothing for other callers. If
/// there is such a call on another thread already, the pool is left to that one.
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
    let _free = Free;
    let team = Arc::new(Team::new(rayon::current_num_threads()));
    // this thread stands in for one of the pool, if it is not one itself
    let idle = rayon::current_thread_index().unwrap_or(rayon::current_num_threads() - 1);
    rayon::in_place_scope(|scope| {
        scope.spawn_broadcast(|_, context| {
            if context.index() != idle {
                team.join();
            }
        });
        let _lead = Lead::of(&team); // ends the team before the scope waits for its members
        work()
    })
}

/// Whether there is a team. There is one at most, so that none waits for the threads of another.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// Allows the next team when dropped.
struct Free;

impl Drop for Free {
    fn drop(&mut self) {
        IS_TAKEN.store(false, Ordering::Release);
    }
}

thread_local! {
    /// The team that this thread leads.
    static LED: RefCell<Option<Arc<Team>>> = const { RefCell::new(None) };
}

/// A thread's lead of a team, which ends with this value.
struct Lead<'a>(&'a Team);

impl<'a> Lead<'a> {
    fn of(team: &'a Arc<Team>) -> Self {
        LED.set(Some(team.clone()));
        Self(team)
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        LED.set(None);
        self.0.round.0.store(END, Ordering::Release);
    }
}

/// Calls `work` on ranges that make up `0..count`, on the threads of the team that this thread
/// leads. A thread has the same ranges in every call with this count, unless it is late, and finds in
/// its cache what it read before. Returns false, without a call, if this thread leads no team.
pub(crate) fn shared_out(count: usize, work: &(dyn Fn(Range<usize>) + Sync)) -> bool {
    let led = LED.with_borrow(|led| led.clone());
    led.is_some_and(|team| {
        team.run(&|part, parts| work(part * count / parts..(part + 1) * count / parts));
        true
    })
}

/// The work of a round: called with the number of a part and of all parts.
type Work<'a> = dyn Fn(usize, usize) + Sync + 'a;

/// A value in a cache line pair of its own, which the processor fetches together.
#[derive(Default)]
#[repr(align(128))]
struct Line<T>(T);

/// A leader, which is member 0, and the members that have joined.
struct Team {
    /// The number of the round times 2¹⁶, plus the number of joined members that it counts on.
    round: Line<AtomicU64>,
    /// Parts of the round that are not done.
    open: Line<AtomicU64>,
    /// Members that have joined.
    joined: Line<AtomicU64>,
    /// For each part of each member, the last round in which a thread has begun it.
    begun: Vec<Line<[AtomicU64; PARTS]>>,
    has_panicked: AtomicBool,
    /// Valid while a part is open.
    work: UnsafeCell<Option<&'static Work<'static>>>,
}

/// The round after the last.
const END: u64 = u64::MAX;

/// The step between rounds.
const ROUND: u64 = 1 << 16;

/// Parts of a round for each member. The leader takes those of a member whose thread does not run at
/// the moment, as on a busy machine.
const PARTS: usize = 4;

/// Looks at a value before a waiting thread lets others run.
const LOOKS: usize = 1 << 12;

// SAFETY: the leader writes the work when no part is open, and a thread reads it only for a part that it has begun.
unsafe impl Sync for Team {}
// SAFETY: as above; the work itself is `Sync`.
unsafe impl Send for Team {}

impl Team {
    /// A team of up to this many threads.
    fn new(threads: usize) -> Self {
        Self {
            round: Line::default(),
            open: Line::default(),
            joined: Line::default(),
            begun: (0..threads).map(|_| Line::default()).collect(),
            has_panicked: AtomicBool::new(false),
            work: UnsafeCell::new(None),
        }
    }

    /// Takes part in the rounds to come, until the team ends.
    fn join(&self) {
        // a round that begins after the next line counts on this member, and differs from `last`
        let mut last = self.round.0.load(Ordering::Acquire);
        let member = self.joined.0.fetch_add(1, Ordering::AcqRel) + 1;
        while last != END {
            last = wait_for(&self.round.0, |round| round != last);
            if last != END && member <= last % ROUND {
                for part in 0..PARTS {
                    self.part(last, member as usize * PARTS + part);
                }
            }
        }
    }

    /// Runs a round on the leader and every member that has joined.
    fn run(&self, work: &Work<'_>) {
        let members = self.joined.0.load(Ordering::Acquire);
        let round = (self.round.0.load(Ordering::Relaxed) / ROUND + 1) * ROUND + members;
        let parts = (members as usize + 1) * PARTS;
        // SAFETY: the work is called for open parts only, and `rest` waits until all are done, even if
        // a part panics.
        let work = unsafe { std::mem::transmute::<&Work<'_>, &'static Work<'static>>(work) };
        // SAFETY: no part is open, so nobody else reads it.
        unsafe { *self.work.get() = Some(work) };
        self.open.0.store(parts as u64, Ordering::Relaxed);
        self.round.0.store(round, Ordering::Release);
        let rest = Rest { team: self, round, parts };
        for part in 0..parts {
            self.part(round, part);
        }
        drop(rest);
        assert!(!self.has_panicked.load(Ordering::Relaxed), "a thread of the team has panicked");
    }

    /// Runs a part of a round, unless a thread has begun it, or the round is over.
    fn part(&self, round: u64, part: usize) {
        if self.begin(round, part) {
            let _done = Done(self);
            // SAFETY: the leader wrote it before the round, and waits for this part before it writes
            // again or the work ends.
            let work = unsafe { *self.work.get() }.expect("a round has work");
            work(part, ((round % ROUND) as usize + 1) * PARTS);
        }
    }

    /// Whether this thread is the first to begin a part of a round. In a round that is over, every
    /// part has been begun.
    fn begin(&self, round: u64, part: usize) -> bool {
        let begun = &self.begun[part / PARTS].0[part % PARTS];
        begun.fetch_max(round, Ordering::AcqRel) < round
    }
}

/// Marks a part as done when dropped, even by a panic.
struct Done<'a>(&'a Team);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.has_panicked.store(true, Ordering::Relaxed);
        }
        self.0.open.0.fetch_sub(1, Ordering::Release);
    }
}

/// Waits for the parts that other threads have begun when dropped. After a panic of the leader, no thread begins
/// another part.
struct Rest<'a> {
    team: &'a Team,
    round: u64,
    parts: usize,
}

impl Drop for Rest<'_> {
    fn drop(&mut self) {
        for part in 0..self.parts {
            if self.team.begin(self.round, part) {
                drop(Done(self.team));
            }
        }
        wait_for(&self.team.open.0, |open| open == 0);
    }
}

/// Waits actively for a value.
fn wait_for(value: &AtomicU64, is_it: impl Fn(u64) -> bool) -> u64 {
    let mut looks = 0;
    loop {
        let now = value.load(Ordering::Acquire);
        if is_it(now) {
            return now;
        }
        looks += 1;
        if looks < LOOKS {
            spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Mutex;

    use super::*;

    fn on_threads<R: Send>(threads: usize, f: impl FnOnce() -> R + Send) -> R {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(f)
    }

    /// Waits until all members of the led team have joined.
    fn all_joined(members: u64) {
        let team = LED.with_borrow(|led| led.clone()).expect("a team");
        wait_for(&team.joined.0, |joined| joined == members);
    }

    /// There is one team at a time in the process, so these tests take turns.
    static TURN: Mutex<()> = Mutex::new(());

    fn turn() -> impl Drop {
        TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    #[test]
    fn every_index_is_done_once_in_every_round() {
        let _turn = turn();
        let rounds = if cfg!(miri) { 3 } else { 100 };
        for threads in [1, 2, 3, 5] {
            on_threads(threads, || {
                low_latency(|| {
                    all_joined(threads as u64 - 1);
                    let of_round = || {
                        let done = Mutex::new(vec![None; 29]);
                        let work = |range: Range<usize>| {
                            for i in range {
                                assert_eq!(done.lock().unwrap()[i].replace(()), None);
                            }
                        };
                        assert!(shared_out(29, &work));
                        done.into_inner().unwrap()
                    };
                    for _ in 0..rounds {
                        assert!(of_round().iter().all(Option::is_some));
                    }
                });
            });
        }
    }

    #[test]
    fn a_thread_without_a_team_shares_nothing_out() {
        let _turn = turn();
        assert!(!shared_out(3, &|_| unreachable!()));
        low_latency(|| ());
        assert!(!shared_out(3, &|_| unreachable!()));
    }

    #[test]
    fn a_call_within_another_keeps_its_team() {
        let _turn = turn();
        on_threads(2, || {
            low_latency(|| {
                low_latency(|| ());
                assert!(shared_out(1, &|_| ()));
            });
        });
    }

    #[test]
    fn a_panic_of_any_thread_ends_the_team() {
        let _turn = turn();
        for guilty in 0..2 {
            let run = || {
                on_threads(2, || {
                    low_latency(|| {
                        all_joined(1);
                        let work =
                            |range: Range<usize>| assert!(!range.contains(&guilty), "on purpose");
                        shared_out(2, &work);
                    });
                });
            };
            assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
        }
        on_threads(2, || low_latency(|| assert!(shared_out(1, &|_| ()))));
    }

    #[test]
    fn work_of_other_kinds_goes_on_within_a_team() {
        let _turn = turn();
        on_threads(3, || {
            low_latency(|| {
                let (a, b) = rayon::join(|| 1, || 2);
                assert_eq!(a + b, 3);
            });
        });
    }
}
