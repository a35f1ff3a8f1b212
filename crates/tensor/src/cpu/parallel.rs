//! How work is split over threads: in pieces whose sizes depend on the data's shape alone, never
//! on the number of threads, so that results do not depend on it either.
//!
//! Work is passed as a trait object. A piece of it costs far more than the call, and the thread pool's machinery, which
//! is large, is compiled once rather than for every kernel.

use rayon::prelude::*;

/// Below this many elements, handing work to another thread costs more than it saves: waking one
/// takes as long as adding some 50 000 elements.
pub(crate) const THRESHOLD: usize = 1 << 17;

/// Elements in one piece of work; a few pieces fit the second-level cache.
pub(crate) const CHUNK: usize = 1 << 15;

/// Calls `work(i)` for each `i < count`, in parallel.
pub(crate) fn for_each(count: usize, work: &(dyn Fn(usize) + Sync)) {
    (0..count).into_par_iter().for_each(work);
}

/// Calls `work(i, piece)` on the `i`th piece of `len` elements of `out`, in parallel.
#[inline(never)]
pub(crate) fn for_pieces<T: Send>(
    out: &mut [T],
    len: usize,
    work: &(dyn Fn(usize, &mut [T]) + Sync),
) {
    out.par_chunks_mut(len).enumerate().for_each(|(i, piece)| work(i, piece));
}

/// Calls `work(start, piece)` on pieces of `out`, in parallel if there are enough; `start` is the
/// piece's position in `out`.
pub(crate) fn for_chunks<T: Send>(out: &mut [T], work: &(dyn Fn(usize, &mut [T]) + Sync)) {
    if out.len() < THRESHOLD {
        work(0, out);
    } else {
        for_pieces(out, CHUNK, &|i, piece| work(i * CHUNK, piece));
    }
}

/// Calls `work(first, rows)` on groups of the `width`-element rows of `out`, in parallel if the
/// whole costs enough; `first` is the group's first row and `cost` the elements touched per row.
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

/// Runs both halves of a divided piece of work, side by side if `cost` elements are worth it.
pub(crate) fn join(
    cost: usize,
    first: &mut (dyn FnMut() + Send),
    second: &mut (dyn FnMut() + Send),
) {
    if cost < THRESHOLD {
        first();
        second();
    } else {
        rayon::join(first, second);
    }
}
