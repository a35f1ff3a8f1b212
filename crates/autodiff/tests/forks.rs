//! Counts of how the process divides work among threads. Counters are global, so these tests are a program of their own,
//! and run one at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bptt_autodiff::{Param, Tape};
use bptt_tensor::{Forks, Tensor, count_forks};
use rayon::ThreadPoolBuilder;

/// While it is held, no other test computes.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The forks of some work in a pool of so many threads.
fn forks(threads: usize, work: impl FnOnce() + Send) -> Forks {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
    pool.install(|| count_forks(work).1)
}

#[test]
fn an_operation_is_one_fork_of_pieces_by_size() {
    let _turn = turn();
    let x = Tensor::<f32>::ones([1 << 19]);
    for threads in [1, 2, 16] {
        let forks = forks(threads, || drop(x.exp()));
        let Forks { count, pieces, weight_bytes, .. } = forks;
        assert_eq!((count, pieces, weight_bytes), (1, 16, 0), "{threads} threads");
        assert!(forks.elapsed > Duration::ZERO);
        if threads == 1 {
            assert_eq!(forks.on_own_cores, forks.elapsed);
        }
    }
    let small = Tensor::<f32>::ones([9]);
    assert_eq!(forks(2, || drop(small.exp())), Forks::default());
}

#[test]
fn a_loop_over_steps_has_pieces_of_four_rows_or_more() {
    let _turn = turn();
    const STEPS: usize = 50;
    let w = Param::new(Tensor::<f32>::full([128, 128], 0.01));
    let (xs, h) = (Tensor::ones([STEPS, 32, 128]), Tensor::ones([32, 128]));
    let run = || {
        let tape = Tape::inference();
        let [xs, h] = [&xs, &h].map(|tensor| tape.constant(tensor.clone()));
        let scanned = tape.scan(xs, h).run(|x, h| {
            let h = (h.matmul(&w) + x).tanh();
            (h, h)
        });
        drop(scanned.outputs.value());
    };
    for (threads, pieces) in [(1, 1), (2, 2), (3, 3), (8, 8), (64, 8)] {
        let forks = forks(threads, run);
        let weights = STEPS * pieces * 128 * 128 * size_of::<f32>();
        let Forks { count, pieces: counted, weight_bytes, .. } = forks;
        assert_eq!((count, counted, weight_bytes), (1, pieces, weights), "{threads} threads");
    }
}

/// Each of the four pieces of the outer operation forks once.
#[test]
fn a_fork_within_a_piece_takes_no_time_of_its_own() {
    let _turn = turn();
    let (x, elements) = (Tensor::<f32>::ones([1 << 19]), AtomicUsize::new(0));
    let begin = Instant::now();
    let forks = forks(1, || {
        let outer = Tensor::<f32>::ones([1 << 17]);
        drop(outer.map(|y| {
            if elements.fetch_add(1, Ordering::Relaxed) % (1 << 15) == 0 {
                drop(x.exp());
            }
            y
        }));
    });
    assert_eq!((forks.count, forks.pieces), (6, 2 * 4 + 4 * 16));
    assert!(Duration::ZERO < forks.elapsed && forks.elapsed <= begin.elapsed());
}

#[test]
fn calls_nest() {
    let _turn = turn();
    let x = Tensor::<f32>::ones([1 << 18]);
    let outer = forks(2, || {
        let ((), inner) = count_forks(|| drop(x.exp()));
        assert_eq!(inner.count, 1);
        drop(x.exp());
    });
    assert_eq!(outer.count, 2);
}
