//! Sums of a row, and over all rows.

use rayon::prelude::*;

use super::address::{Address, Base, Clock, Segment};
use super::{RowProgram, Sizes, Sum};
use crate::Scalar;
use crate::matmul;
use crate::parallel::THRESHOLD;
use crate::simd::vectorize;

/// Adds the rows of a segment to a sum, which `is_new` if it has none yet and holds anything.
pub(super) fn add<T: Scalar>(
    program: &RowProgram,
    bases: &[Base<T>],
    (sum, is_new): (Sum, bool),
    sizes: Sizes,
    segment: Segment,
) {
    let address = |view| Address::new(program, bases, view, sizes, segment);
    let Segment { start, end } = segment;
    // a step that reads at an edge stands alone
    let alone = sum.left.is_some_and(|left| left.delay.is_some()) || sum.right.delay.is_some();
    let mut cuts = vec![start, end];
    if alone {
        cuts.extend([start + 1, end - 1]);
        cuts.sort_unstable();
        cuts.dedup();
    }
    let total_len = program.buffers[sum.total].width;
    // SAFETY: the buffer holds as many elements, and no other thread is running.
    let total = unsafe { std::slice::from_raw_parts_mut(bases[sum.total].0, total_len) };
    for piece in cuts.windows(2) {
        let clock = Clock { time: piece[0], count: sizes.mirrored(piece[0]), lane: 0 };
        let rows = (piece[1] - piece[0]) * sizes.rows;
        let operand = |view: super::View| {
            let (start, distance) = address(view).at(clock, 0);
            let len = (rows - 1) * distance + view.width;
            // SAFETY: the steps of a piece follow each other, so these rows lie within the buffer;
            // no thread is running that writes them.
            (unsafe { std::slice::from_raw_parts(start, len) }, distance)
        };
        let is_new = is_new && piece[0] == start;
        if rows == 0 {
            if is_new {
                total.fill(T::zero());
            }
            continue;
        }
        let right = operand(sum.right);
        match sum.left {
            Some(left) => {
                let extents = [left.width, rows, sum.right.width];
                let beta = if is_new { T::zero() } else { T::one() };
                matmul::transposed(extents, operand(left), right, beta, total);
            }
            None => {
                if is_new {
                    total.fill(T::zero());
                }
                columns(right, rows, total);
            }
        }
    }
}

/// `total ← total + Σ rows`, columns divided among threads.
fn columns<T: Scalar>((x, distance): (&[T], usize), rows: usize, total: &mut [T]) {
    const COLUMNS: usize = 128;
    let cost = rows * total.len();
    let add = |(part, total): (usize, &mut [T])| {
        add_columns((&x[part * COLUMNS..], distance), rows, total);
    };
    if cost < THRESHOLD {
        total.chunks_mut(COLUMNS).enumerate().for_each(add);
    } else {
        total.par_chunks_mut(COLUMNS).enumerate().for_each(add);
    }
}

/// Adds up rows of as many columns as the total has.
fn add_columns<T: Scalar>((x, distance): (&[T], usize), rows: usize, total: &mut [T]) {
    // groups first, so that rounding errors do not grow with the number of rows
    const GROUP: usize = 64;
    let mut group = vec![T::zero(); total.len()];
    for first in (0..rows).step_by(GROUP) {
        group.fill(T::zero());
        let (group, total) = (&mut group[..], &mut total[..]);
        vectorize(
            #[inline(always)]
            move || {
                for row in first..rows.min(first + GROUP) {
                    let x = &x[row * distance..][..group.len()];
                    group.iter_mut().zip(x).for_each(|(sum, &x)| *sum += x);
                }
                total.iter_mut().zip(group).for_each(|(total, &mut sum)| *total += sum);
            },
        );
    }
}

/// The sum of each of some rows of `width` elements: `y[row] ← Σ x[row, ..]`.
///
/// # Safety
///
/// The rows, at their distances, may be read and written, and nobody else uses them meanwhile.
pub(super) unsafe fn rows<T: Scalar>(
    (x, x_distance): (*const T, usize),
    width: usize,
    (y, y_distance): (*mut T, usize),
    rows: usize,
) {
    const LANES: usize = 32;
    for row in 0..rows {
        // SAFETY: the caller's contract.
        let x = unsafe { std::slice::from_raw_parts(x.wrapping_add(row * x_distance), width) };
        let sum = vectorize(
            #[inline(always)]
            move || {
                let (chunks, rest) = x.as_chunks::<LANES>();
                let mut lanes = [T::zero(); LANES];
                for chunk in chunks {
                    for (lane, &x) in lanes.iter_mut().zip(chunk) {
                        *lane += x;
                    }
                }
                lanes.into_iter().sum::<T>() + rest.iter().copied().sum::<T>()
            },
        );
        // SAFETY: the caller's contract.
        unsafe { *y.wrapping_add(row * y_distance) = sum };
    }
}
