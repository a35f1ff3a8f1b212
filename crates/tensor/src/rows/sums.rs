//! Sums of a row, and over all rows.

use super::address::{Address, Clock, Segment};
use super::{Sizes, View};
use crate::Scalar;
use crate::matmul;
use crate::simd::Math;

/// Adds the products `leftᵀ · right` of the rows of a segment to a total, which `is_new` if it holds
/// nothing yet.
pub(super) fn products<T: Scalar>(
    terms: [(View, Address<T>); 2],
    sizes: Sizes,
    Segment { start, end }: Segment,
    is_new: bool,
    total: &mut [T],
) {
    // a step that reads at an edge stands alone
    let mut cuts = vec![start, end];
    if terms.iter().any(|(view, _)| view.delay.is_some()) {
        cuts.extend([start + 1, end - 1]);
        cuts.sort_unstable();
        cuts.dedup();
    }
    for piece in cuts.windows(2) {
        let rows = (piece[1] - piece[0]) * sizes.rows;
        let is_new = is_new && piece[0] == start;
        if rows == 0 {
            if is_new {
                total.fill(T::zero());
            }
            continue;
        }
        let clock = Clock::of(piece[0], sizes.mirrored(piece[0]));
        let [left, right] = terms.map(|(view, address)| {
            let (start, distance) = address.at(clock, 0);
            let len = (rows - 1) * distance + view.width;
            // SAFETY: the steps of a piece follow each other, so these rows lie within the buffer;
            // no thread is running that writes them.
            (unsafe { std::slice::from_raw_parts(start, len) }, distance)
        });
        let extents = [terms[0].0.width, rows, terms[1].0.width];
        let beta = if is_new { T::zero() } else { T::one() };
        matmul::transposed(extents, left, right, beta, total);
    }
}

/// Adds the rows of partial sums to a total, which `is_new` if it holds nothing yet.
pub(super) fn partials<T: Scalar>(partials: &[T], is_new: bool, total: &mut [T]) {
    if is_new {
        total.fill(T::zero());
    }
    for row in partials.chunks_exact(total.len().max(1)) {
        total.iter_mut().zip(row).for_each(|(total, &sum)| *total += sum);
    }
}

/// Sums that are taken side by side, and added up at the end.
const LANES: usize = 32;

/// The sum of a row, compiled for the instruction set of whoever calls it.
#[inline(always)]
pub(super) fn of_row<T: Scalar>(row: &[T]) -> T {
    let (chunks, rest) = row.as_chunks::<LANES>();
    let mut lanes = [T::zero(); LANES];
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane += x;
        }
    }
    lanes.into_iter().sum::<T>() + rest.iter().copied().sum::<T>()
}

/// The sum of the products of two rows, likewise.
#[inline(always)]
pub(super) fn of_products<T: Scalar>(math: Math, [a, b]: [&[T]; 2]) -> T {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut lanes = [T::zero(); LANES];
    for (a, b) in a.iter().zip(b) {
        for ((lane, &a), &b) in lanes.iter_mut().zip(a).zip(b) {
            *lane = math.mul_add(a, b, *lane);
        }
    }
    let rest = a_rest.iter().zip(b_rest).map(|(&a, &b)| a * b);
    lanes.into_iter().sum::<T>() + rest.sum::<T>()
}
