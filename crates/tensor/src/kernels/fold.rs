//! The loops of reductions.
//!
//! Sums are pairwise: a long axis is halved until the parts are short. So rounding errors grow with
//! the logarithm of its length. The halves may run on different threads. The tree of halves depends
//! on the shape alone, so the result does not depend on the number of threads.

use std::ops::Range;

use crate::cpu::parallel::{for_rows, join};
use crate::cpu::simd::vectorize;
use crate::scalar::Scalar;

/// The products of the extents before, within and after some neighbouring axes.
pub(crate) fn around(shape: &[usize], axes: Range<usize>) -> [usize; 3] {
    let [before, after] = [&shape[..axes.start], &shape[axes.end..]];
    [before, &shape[axes], after].map(|extents| extents.iter().product())
}

/// Folds the middle of `source: [outer, n, inner]` into `out: [outer, inner]`.
pub(crate) fn fold_middle<T: Scalar>(
    source: &[T],
    [_, n, inner]: [usize; 3],
    out: &mut [T],
    identity: T,
    combine: impl Fn(T, T) -> T + Copy + Sync,
) {
    let len = n * inner;
    for_rows(out, inner, len, &|first, out| {
        let source = move |i: usize| &source[(first + i) * len..][..len];
        if inner > 1 {
            for (i, out) in out.chunks_exact_mut(inner).enumerate() {
                let rows = Rows { source: source(i), width: inner, start: 0 };
                fold_columns(rows, out, identity, combine);
            }
        } else {
            vectorize(
                #[inline(always)]
                move || {
                    for (i, out) in out.iter_mut().enumerate() {
                        *out = fold_row(source(i), identity, combine);
                    }
                },
            );
        }
    });
}

/// The most elements that one loop folds. A longer slice is halved.
const BLOCK: usize = 2048;

/// Folds a slice pairwise.
pub(crate) fn fold_slice<T: Scalar>(
    values: &[T],
    identity: T,
    combine: impl Fn(T, T) -> T + Copy + Sync,
) -> T {
    if values.len() <= BLOCK {
        return vectorize(
            #[inline(always)]
            move || fold_block(values, identity, combine),
        );
    }
    let (head, tail) = values.split_at((values.len() / 2).next_multiple_of(BLOCK / 2));
    let [mut x, mut y] = [identity; 2];
    join(values.len(), &mut || x = fold_slice(head, identity, combine), &mut || {
        y = fold_slice(tail, identity, combine);
    });
    combine(x, y)
}

/// Folds a row, for loops over rows within [`vectorize`].
#[inline(always)]
pub(crate) fn fold_row<T: Scalar>(
    values: &[T],
    identity: T,
    combine: impl Fn(T, T) -> T + Copy + Sync,
) -> T {
    if values.len() <= BLOCK {
        fold_block(values, identity, combine)
    } else {
        fold_slice(values, identity, combine)
    }
}

/// Folds a short slice. 64 accumulators fill the pipelines of the vector units, and are too many
/// for the compiler to unroll into scalars. Eight accumulators take the remainder and short rows.
#[inline(always)]
fn fold_block<T: Scalar>(values: &[T], identity: T, combine: impl Fn(T, T) -> T + Copy) -> T {
    let (wide, rest) = values.as_chunks::<64>();
    let (narrow, rest) = rest.as_chunks::<8>();
    let wide = fold_lanes(wide, identity, combine);
    let narrow = fold_lanes(narrow, identity, combine);
    rest.iter().fold(combine(wide, narrow), |folded, &x| combine(folded, x))
}

/// Folds into `N` accumulators, then folds these by halves.
#[inline(always)]
fn fold_lanes<T: Scalar, const N: usize>(
    chunks: &[[T; N]],
    identity: T,
    combine: impl Fn(T, T) -> T + Copy,
) -> T {
    if chunks.is_empty() {
        return identity;
    }
    let mut lanes = [identity; N];
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = combine(*lane, x);
        }
    }
    let mut width = N;
    while width > 1 {
        width /= 2;
        for i in 0..width {
            lanes[i] = combine(lanes[i], lanes[i + width]);
        }
    }
    lanes[0]
}

/// Some columns of a row-major matrix.
#[derive(Clone, Copy)]
struct Rows<'a, T> {
    source: &'a [T],
    width: usize,
    start: usize,
}

/// Columns that are folded together, so that their accumulators stay in the first-level cache.
const COLUMNS: usize = 2048;

/// The most rows that are folded in sequence. More rows are halved.
const ROWS: usize = 64;

/// Folds all rows into `out`, one accumulator for each column, pairwise.
fn fold_columns<T: Scalar>(
    rows: Rows<'_, T>,
    out: &mut [T],
    identity: T,
    combine: impl Fn(T, T) -> T + Copy + Sync,
) {
    let Rows { source, width, start } = rows;
    let height = source.len() / width;
    let cost = height * out.len();
    if out.len() > COLUMNS {
        let half = out.len() / 2;
        let (left, right) = out.split_at_mut(half);
        join(cost, &mut || fold_columns(rows, left, identity, combine), &mut || {
            fold_columns(Rows { start: start + half, ..rows }, right, identity, combine);
        });
    } else if height > ROWS {
        let (top, bottom) = source.split_at((height / 2).next_multiple_of(ROWS / 2) * width);
        let mut other = vec![identity; out.len()];
        join(
            cost,
            &mut || fold_columns(Rows { source: top, ..rows }, out, identity, combine),
            &mut || fold_columns(Rows { source: bottom, ..rows }, &mut other, identity, combine),
        );
        vectorize(
            #[inline(always)]
            move || {
                for (out, &x) in out.iter_mut().zip(&other) {
                    *out = combine(*out, x);
                }
            },
        );
    } else {
        vectorize(
            #[inline(always)]
            move || {
                out.fill(identity);
                for row in source.chunks_exact(width) {
                    for (out, &x) in out.iter_mut().zip(&row[start..]) {
                        *out = combine(*out, x);
                    }
                }
            },
        );
    }
}
