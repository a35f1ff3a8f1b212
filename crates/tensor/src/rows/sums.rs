//! Sums of a row, and over all rows.

use super::address::{Address, Clock, Segment};
use super::{Sizes, View};
use crate::Scalar;
use crate::matmul;
use crate::simd::Math;

/// The left operand of a sum of products, and where the sum goes.
pub(super) struct Term<'a, T> {
    pub(super) left: (View, Address<T>),
    /// Whether the total holds nothing yet.
    pub(super) is_new: bool,
    pub(super) total: &'a mut [T],
}

/// Adds the products `leftᵀ · right` of the rows of a segment to the totals of terms that have the right
/// operand in common.
pub(super) fn products<T: Scalar>(
    terms: &mut [Term<'_, T>],
    right: (View, Address<T>),
    sizes: Sizes,
    Segment { start, end }: Segment,
) {
    // a step that reads at an edge stands alone
    let mut cuts = vec![start, end];
    for view in terms.iter().map(|term| term.left.0).chain([right.0]) {
        if let Some(delay) = view.delay {
            let edge = sizes.mirrored(if delay.ahead { sizes.steps - 1 } else { 0 });
            cuts.extend([edge, edge + 1].into_iter().filter(|cut| (start..end).contains(cut)));
        }
    }
    cuts.sort_unstable();
    cuts.dedup();
    for piece in cuts.windows(2) {
        let rows = (piece[1] - piece[0]) * sizes.rows;
        let clock = Clock::of(piece[0], sizes.mirrored(piece[0]));
        let operand = |(view, address): (View, Address<T>)| {
            let (start, distance) = address.at(clock, 0);
            let len = if rows == 0 { 0 } else { (rows - 1) * distance + view.width };
            // SAFETY: the steps of a piece follow each other, so these rows lie within the buffer;
            // no thread is running that writes them.
            (unsafe { std::slice::from_raw_parts(start, len) }, distance)
        };
        let mut factors: Vec<matmul::Term<'_, T>> = terms
            .iter_mut()
            .map(|term| matmul::Term {
                a: operand(term.left),
                width: term.left.0.width,
                adds: !term.is_new || piece[0] != start,
                c: &mut *term.total,
            })
            .collect();
        matmul::transposed([rows, right.0.width], &mut factors, operand(right));
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

/// Sums that are taken side by side: four vectors of sixteen, since an addition takes four cycles.
const LANES: usize = 64;

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
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane += x;
    }
    of_lanes(lanes)
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
    for ((lane, &a), &b) in lanes.iter_mut().zip(a_rest).zip(b_rest) {
        *lane = math.mul_add(a, b, *lane);
    }
    of_lanes(lanes)
}

/// The sum of lanes, halved until one is left.
#[inline(always)]
fn of_lanes<T: Scalar>(mut lanes: [T; LANES]) -> T {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0]
}
