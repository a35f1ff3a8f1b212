//! Functions of the lanes along one axis. A block is `[n, inner]`, row-major. Its columns are the lanes.

use std::cmp::Ordering;

use crate::scalar::Scalar;

/// The sums up to each entry of a block, in this order, or from its end.
pub fn cumsum<T: Scalar>(block: &[T], inner: usize, is_reversed: bool, sums: &mut [T]) {
    sums.copy_from_slice(block);
    let n = block.len() / inner.max(1);
    let place = |entry: usize| if is_reversed { n - 1 - entry } else { entry };
    for entry in 1..n {
        let (before, own) = (place(entry - 1) * inner, place(entry) * inner);
        for column in 0..inner {
            sums[own + column] = sums[before + column] + sums[own + column];
        }
    }
}

/// Writes to `positions: [count, inner]` the positions of the first `count` elements of each lane, in ascending or descending
/// order. Equal elements keep their order. NaN is the largest.
pub fn order<T: Scalar>(
    block: &[T],
    inner: usize,
    is_descending: bool,
    positions: &mut [T],
    scratch: &mut Scratch<T>,
) {
    let count = positions.len() / inner.max(1);
    for column in 0..inner {
        let Scratch { lane, order } = &mut *scratch;
        lane.clear();
        lane.extend(block[column..].iter().step_by(inner));
        let compare = |&i: &usize, &j: &usize| {
            let (x, y) = if is_descending { (lane[j], lane[i]) } else { (lane[i], lane[j]) };
            compare(x, y).then(i.cmp(&j))
        };
        order.clear();
        order.extend(0..lane.len());
        if count < lane.len() {
            order.select_nth_unstable_by(count, compare);
        }
        order[..count].sort_unstable_by(compare);
        for (place, &position) in order[..count].iter().enumerate() {
            positions[place * inner + column] = T::of(position as f64);
        }
    }
}

/// The memory of [`order()`].
#[derive(Debug, Default)]
pub struct Scratch<T> {
    lane: Vec<T>,
    order: Vec<usize>,
}

/// Orders numbers, with NaN as the largest.
fn compare<T: Scalar>(x: T, y: T) -> Ordering {
    x.partial_cmp(&y).unwrap_or_else(|| x.is_nan().cmp(&y.is_nan()))
}

/// The elements of each lane at these positions along it.
pub fn gather<T: Scalar>(
    block: &[T],
    inner: usize,
    positions: impl Iterator<Item = usize>,
    gathered: &mut [T],
) {
    for (at, (out, position)) in gathered.iter_mut().zip(positions).enumerate() {
        *out = block[position * inner + at % inner];
    }
}

/// Adds each element of a block to the sum at its position along the lane.
pub fn scatter<T: Scalar>(
    block: &[T],
    inner: usize,
    positions: impl Iterator<Item = usize>,
    sums: &mut [T],
) {
    for (at, (&x, position)) in block.iter().zip(positions).enumerate() {
        sums[position * inner + at % inner] += x;
    }
}

/// Whether the positions along an axis of this extent are exact numbers: up to 2²⁴ in `f32`.
#[must_use]
pub fn are_exact<T: Scalar>(extent: usize) -> bool {
    extent as f64 <= 2.0 / T::epsilon().as_f64()
}

/// A whole number as a position along an axis of this extent.
///
/// # Panics
///
/// If it is not a whole number within the axis.
#[track_caller]
pub fn position<T: Scalar>(operation: &str, index: T, extent: usize) -> usize {
    match index.to_usize() {
        Some(position) if position < extent && T::of(position as f64) == index => position,
        _ => panic!("{operation}: index {index} is not a whole number within 0..{extent}"),
    }
}
