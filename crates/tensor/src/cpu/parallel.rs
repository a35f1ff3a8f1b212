//! Division of work among threads. The sizes of pieces depend on the data's shape alone. So results
//! do not depend on the number of threads.
//!
//! Work is passed as a trait object. The thread pool's large machinery is then compiled once,
//! rather than for every kernel. The dynamic call costs far less than a piece of work.

use std::sync::Mutex;

use rayon::prelude::*;

use super::call;
use super::forks::fork;

/// The number of elements below which one thread does all work. Waking another takes as long as
/// adding some 50 000 elements.
pub(crate) const THRESHOLD: usize = 1 << 17;

/// Elements in one piece of work; a few pieces fit the second-level cache.
pub(crate) const CHUNK: usize = 1 << 15;

/// Calls `work(i)` for each `i < count`, in parallel.
pub(crate) fn for_each(count: usize, work: &(dyn Fn(usize) + Sync)) {
    fork(count, || spread(count, work));
}

/// Does what [`for_each`] does, as a part of a fork that the caller counts.
pub(super) fn spread(count: usize, work: &(dyn Fn(usize) + Sync)) {
    if is_in_pool() {
        (0..count).into_par_iter().for_each(work);
    } else {
        call::share(count, work);
    }
}

/// Calls `work(i, piece)` on the `i`th piece of `len` elements of `out`, in parallel.
#[inline(never)]
pub(crate) fn for_pieces<T: Send>(
    out: &mut [T],
    len: usize,
    work: &(dyn Fn(usize, &mut [T]) + Sync),
) {
    fork(out.len().div_ceil(len), || {
        if is_in_pool() {
            out.par_chunks_mut(len).enumerate().for_each(|(i, piece)| work(i, piece));
        } else {
            let pieces: Vec<Mutex<&mut [T]>> = out.chunks_mut(len).map(Mutex::new).collect();
            call::share(pieces.len(), &|i| {
                work(i, &mut pieces[i].lock().expect("a piece is done once"));
            });
        }
    });
}

fn is_in_pool() -> bool {
    rayon::current_thread_index().is_some()
}

/// The number of threads that may do pieces of one call: those of the pool, and the caller.
pub(crate) fn lanes() -> usize {
    rayon::current_num_threads() + usize::from(!is_in_pool())
}

/// The number of this thread among them.
pub(crate) fn lane() -> usize {
    rayon::current_thread_index().unwrap_or_else(rayon::current_num_threads)
}

/// Calls `work(start, piece)` on pieces of `out`, where `start` is the piece's position in `out`.
/// Runs in parallel if `out` is long enough.
pub(crate) fn for_chunks<T: Send>(out: &mut [T], work: &(dyn Fn(usize, &mut [T]) + Sync)) {
    if out.len() < THRESHOLD {
        work(0, out);
    } else {
        for_pieces(out, CHUNK, &|i, piece| work(i * CHUNK, piece));
    }
}

/// Calls `work(first, rows)` on groups of rows of `out`, where `first` is the group's first row. A
/// row has `width` elements. Runs in parallel if the rows touch enough elements, `cost` each.
pub(crate) fn for_rows<T: Send>(
    out: &mut [T],
    width: usize,
    cost: usize,
    work: &(dyn Fn(usize, &mut [T]) + Sync),
) {
    if out.is_empty() {
        return;
    }
    if (out.len() / width) * cost < THRESHOLD {
        return work(0, out);
    }
    let rows = (CHUNK / cost.max(1)).max(1);
    for_pieces(out, rows * width, &|i, piece| work(i * rows, piece));
}

/// Runs two halves of a piece of work, in parallel if it touches enough elements (`cost`).
pub(crate) fn join(
    cost: usize,
    first: &mut (dyn FnMut() + Send),
    second: &mut (dyn FnMut() + Send),
) {
    if cost < THRESHOLD {
        first();
        return second();
    }
    fork(2, || {
        if is_in_pool() {
            rayon::join(first, second);
        } else {
            let halves: [Mutex<&mut (dyn FnMut() + Send)>; 2] =
                [Mutex::new(first), Mutex::new(second)];
            call::share(2, &|i| halves[i].lock().expect("a half is done once")());
        }
    });
}
