//! How work is split over threads: in pieces whose sizes depend on the data's shape alone, never
//! on the number of threads, so that results do not depend on it either.

use rayon::prelude::*;

/// Below this many elements, handing work to another thread costs more than it saves: waking one
/// takes as long as adding some 50 000 elements.
pub(crate) const THRESHOLD: usize = 1 << 17;

/// Elements in one piece of work; a few pieces fit the second-level cache.
pub(crate) const CHUNK: usize = 1 << 15;

/// Calls `work(start, piece)` on pieces of `out`, in parallel if there are enough; `start` is the
/// piece's position in `out`.
#[inline]
pub(crate) fn for_chunks<T: Send>(out: &mut [T], work: impl Fn(usize, &mut [T]) + Sync) {
    if out.len() < THRESHOLD {
        work(0, out);
    } else {
        out.par_chunks_mut(CHUNK).enumerate().for_each(|(i, piece)| work(i * CHUNK, piece));
    }
}

/// Calls `work(first, rows)` on groups of the `width`-element rows of `out`, in parallel if the
/// whole costs enough; `first` is the group's first row and `cost` the elements touched per row.
#[inline]
pub(crate) fn for_rows<T: Send>(
    out: &mut [T],
    width: usize,
    cost: usize,
    work: impl Fn(usize, &mut [T]) + Sync,
) {
    if out.is_empty() {
        return;
    }
    if (out.len() / width) * cost < THRESHOLD {
        return work(0, out);
    }
    let rows = (CHUNK / cost.max(1)).max(1);
    out.par_chunks_mut(rows * width).enumerate().for_each(|(i, piece)| work(i * rows, piece));
}

/// Runs both halves of a divided piece of work, side by side if `cost` elements are worth it.
#[inline]
pub(crate) fn join<A: Send, B: Send>(
    cost: usize,
    first: impl FnOnce() -> A + Send,
    second: impl FnOnce() -> B + Send,
) -> (A, B) {
    if cost < THRESHOLD { (first(), second()) } else { rayon::join(first, second) }
}
