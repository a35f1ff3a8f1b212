//! Reductions over axes: sums, means and extrema.
//!
//! Sums are pairwise: a long axis is halved until the parts are short, so rounding errors grow
//! with the logarithm of its length, and the halves may run on different threads — the tree
//! depends on the shape alone, so the result does not depend on the threads.

use smallvec::SmallVec;

use crate::elementwise::{larger, smaller};
use crate::parallel::{for_rows, join};
use crate::shape::{self, OrPanic, Shape, ShapeError};
use crate::simd::vectorize;
use crate::{Scalar, Tensor};

/// A reduction and its variant that keeps the axes.
macro_rules! reduction {
    ($($(#[$doc:meta])* $name:ident, $keep:ident = $rule:ident;)*) => {
        impl<T: Scalar> Tensor<T> {
            $(
                $(#[$doc])*
                ///
                /// The axes vanish; no axes leave the tensor as it is.
                ///
                /// # Panics
                ///
                /// If an axis does not exist or is named twice.
                #[track_caller]
                #[must_use]
                pub fn $name(&self, axes: &[isize]) -> Self {
                    self.$rule(stringify!($name), axes, false).or_panic()
                }

                #[doc = concat!("Like [`", stringify!($name), "`](Self::", stringify!($name), ")")]
                /// with the axes kept at extent one, so that the result broadcasts to the source.
                ///
                /// # Panics
                ///
                /// If an axis does not exist or is named twice.
                #[track_caller]
                #[must_use]
                pub fn $keep(&self, axes: &[isize]) -> Self {
                    self.$rule(stringify!($keep), axes, true).or_panic()
                }
            )*
        }
    };
}

reduction! {
    /// The sum over axes (negative counts from the end); 0 over an axis of extent zero.
    sum, sum_keep = sum_rule;
    /// The mean over axes (negative counts from the end); NaN over an axis of extent zero.
    mean, mean_keep = mean_rule;
    /// The largest element over axes (negative counts from the end); NaN if one is. An axis of
    /// extent zero has none and panics.
    max, max_keep = max_rule;
    /// The smallest element over axes (negative counts from the end); NaN if one is. An axis of
    /// extent zero has none and panics.
    min, min_keep = min_rule;
}

impl<T: Scalar> Tensor<T> {
    fn sum_rule(
        &self,
        operation: &'static str,
        axes: &[isize],
        keep: bool,
    ) -> Result<Self, ShapeError> {
        let axes = shape::axes(operation, self.shape(), axes)?;
        Ok(self.fold(&axes, keep, T::zero(), |x, y| x + y))
    }

    fn mean_rule(
        &self,
        operation: &'static str,
        axes: &[isize],
        keep: bool,
    ) -> Result<Self, ShapeError> {
        let mut mean = self.sum_rule(operation, axes, keep)?;
        let resolved = shape::axes(operation, self.shape(), axes)?;
        let count: usize = resolved.iter().map(|&axis| self.shape()[axis]).product();
        if !resolved.is_empty() {
            mean.scale_assign(T::of(count as f64).recip());
        }
        Ok(mean)
    }

    fn max_rule(
        &self,
        operation: &'static str,
        axes: &[isize],
        keep: bool,
    ) -> Result<Self, ShapeError> {
        self.extremum(operation, axes, keep, T::neg_infinity(), larger)
    }

    fn min_rule(
        &self,
        operation: &'static str,
        axes: &[isize],
        keep: bool,
    ) -> Result<Self, ShapeError> {
        self.extremum(operation, axes, keep, T::infinity(), smaller)
    }

    fn extremum(
        &self,
        operation: &'static str,
        axes: &[isize],
        keep: bool,
        identity: T,
        combine: impl Fn(T, T) -> T + Sync,
    ) -> Result<Self, ShapeError> {
        let axes = shape::axes(operation, self.shape(), axes)?;
        choosable(operation, self.shape(), &axes)?;
        Ok(self.fold(&axes, keep, identity, combine))
    }

    /// The sum of all elements.
    #[must_use]
    pub fn sum_all(&self) -> T {
        fold_slice(self.as_slice(), T::zero(), &|x, y| x + y)
    }

    /// Sums over the axes along which `shape` would be stretched to this tensor's: the inverse
    /// of [`broadcast_to`](Self::broadcast_to), and its gradient.
    ///
    /// # Panics
    ///
    /// If `shape` does not broadcast to this tensor's shape.
    #[track_caller]
    #[must_use]
    pub fn sum_to(&self, shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        if shape == *self.shape() {
            return self.clone();
        }
        shape::broadcast_to("sum_to", &shape, self.shape()).or_panic();
        let added = self.rank() - shape.len();
        let axes: SmallVec<[usize; 4]> = (0..self.rank())
            .filter(|&axis| axis < added || shape[axis - added] != self.shape()[axis])
            .collect();
        self.fold(&axes, true, T::zero(), |x, y| x + y).reshape(shape)
    }

    /// The position along `axis` of the largest element, for each row-major position of the other
    /// axes. The first of equals; the first NaN if there is one, as in NumPy.
    ///
    /// # Panics
    ///
    /// If the axis does not exist or has extent zero.
    #[track_caller]
    #[must_use]
    pub fn argmax(&self, axis: isize) -> Vec<usize> {
        let axis = shape::axis("argmax", self.shape(), axis).or_panic();
        choosable("argmax", self.shape(), &[axis]).or_panic();
        let mut order: SmallVec<[usize; 4]> = (0..self.rank()).collect();
        order[axis..].rotate_left(1);
        let rows = self.permute(&order);
        let first_maximum = |row: &[T]| {
            let max = fold_slice(row, T::neg_infinity(), &larger);
            row.iter().position(|&x| x == max || x.is_nan()).unwrap_or(0)
        };
        rows.as_slice().chunks_exact(self.shape()[axis]).map(first_maximum).collect()
    }

    /// Folds the elements along `axes` (resolved, ascending) with `combine`.
    fn fold(
        &self,
        axes: &[usize],
        keep: bool,
        identity: T,
        combine: impl Fn(T, T) -> T + Sync,
    ) -> Self {
        let mut folded = self.clone();
        let mut rest = axes;
        // Neighbouring axes fold together; the last first, which leaves the others in place.
        while let Some(&last) = rest.last() {
            let neighbours = rest.iter().rev().zip((0..=last).rev()).take_while(|(a, b)| *a == b);
            let group = last + 1 - neighbours.count()..last + 1;
            rest = &rest[..rest.len() - group.len()];
            let extents = around(folded.shape(), group.clone());
            if extents[1] == 1 {
                continue; // one element is its own sum
            }
            let kept = group.fold(folded.shape().clone(), |shape, axis| shape.with(axis, 1));
            folded = Self::build(kept, |out| {
                fold_middle(folded.as_slice(), extents, out, identity, &combine);
            });
        }
        folded.reshape(shape::reduce(self.shape(), axes, keep))
    }
}

/// Checks that there is an element to choose along each of the axes.
fn choosable(operation: &'static str, shape: &[usize], axes: &[usize]) -> Result<(), ShapeError> {
    match axes.iter().find(|&&axis| shape[axis] == 0) {
        Some(&axis) => Err(ShapeError::new(
            operation,
            &[shape],
            "there is no element to choose from an axis of extent 0",
        )
        .at_axis(axis)),
        None => Ok(()),
    }
}

/// The numbers of elements before, within and after some neighbouring axes.
pub(crate) fn around(shape: &[usize], axes: std::ops::Range<usize>) -> [usize; 3] {
    let [before, after] = [&shape[..axes.start], &shape[axes.end..]];
    [before, &shape[axes], after].map(|extents| extents.iter().product())
}

/// Folds the middle of `source: [outer, n, inner]` into `out: [outer, inner]`.
fn fold_middle<T: Scalar>(
    source: &[T],
    [_, n, inner]: [usize; 3],
    out: &mut [T],
    identity: T,
    combine: &(impl Fn(T, T) -> T + Sync),
) {
    let len = n * inner;
    for_rows(out, inner, len, |first, out| {
        let source = |i: usize| &source[(first + i) * len..][..len];
        if inner > 1 {
            for (i, out) in out.chunks_exact_mut(inner).enumerate() {
                let rows = Rows { source: source(i), width: inner, start: 0 };
                fold_columns(rows, out, identity, combine);
            }
        } else if n > BLOCK {
            for (i, out) in out.iter_mut().enumerate() {
                *out = fold_slice(source(i), identity, combine);
            }
        } else {
            vectorize(|| {
                for (i, out) in out.iter_mut().enumerate() {
                    *out = fold_block(source(i), identity, combine);
                }
            });
        }
    });
}

/// Elements that one loop folds; more are halved.
const BLOCK: usize = 2048;

/// Independent accumulators of a loop, enough to fill the vector units' pipelines.
const LANES: usize = 32;

/// Folds a slice pairwise.
pub(crate) fn fold_slice<T: Scalar>(
    values: &[T],
    identity: T,
    combine: &(impl Fn(T, T) -> T + Sync),
) -> T {
    if values.len() <= BLOCK {
        return vectorize(|| fold_block(values, identity, combine));
    }
    let (head, tail) = values.split_at((values.len() / 2).next_multiple_of(BLOCK / 2));
    let (x, y) = join(
        values.len(),
        || fold_slice(head, identity, combine),
        || fold_slice(tail, identity, combine),
    );
    combine(x, y)
}

/// Folds a short slice in lanes, for [`vectorize`].
#[inline(always)]
pub(crate) fn fold_block<T: Scalar>(values: &[T], identity: T, combine: &impl Fn(T, T) -> T) -> T {
    let mut lanes = [identity; LANES];
    let mut add = |values: &[T]| {
        for (lane, &x) in lanes.iter_mut().zip(values) {
            *lane = combine(*lane, x);
        }
    };
    let chunks = values.chunks_exact(LANES);
    let rest = chunks.remainder();
    chunks.for_each(&mut add);
    add(rest);
    let mut width = LANES;
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

/// Columns that are folded at a time: their accumulators stay in the first-level cache.
const COLUMNS: usize = 2048;

/// Rows that are folded one after the other; more are halved.
const ROWS: usize = 64;

/// Folds all rows into `out`, one accumulator for each column, pairwise.
fn fold_columns<T: Scalar>(
    rows: Rows<'_, T>,
    out: &mut [T],
    identity: T,
    combine: &(impl Fn(T, T) -> T + Sync),
) {
    let Rows { source, width, start } = rows;
    let height = source.len() / width;
    let cost = height * out.len();
    if out.len() > COLUMNS {
        let half = out.len() / 2;
        let (left, right) = out.split_at_mut(half);
        join(
            cost,
            || fold_columns(rows, left, identity, combine),
            || fold_columns(Rows { start: start + half, ..rows }, right, identity, combine),
        );
    } else if height > ROWS {
        let (top, bottom) = source.split_at((height / 2).next_multiple_of(ROWS / 2) * width);
        let mut other = vec![identity; out.len()];
        join(
            cost,
            || fold_columns(Rows { source: top, ..rows }, out, identity, combine),
            || fold_columns(Rows { source: bottom, ..rows }, &mut other, identity, combine),
        );
        vectorize(|| {
            for (out, &x) in out.iter_mut().zip(&other) {
                *out = combine(*out, x);
            }
        });
    } else {
        vectorize(|| {
            out.fill(identity);
            for row in source.chunks_exact(width) {
                for (out, &x) in out.iter_mut().zip(&row[start..]) {
                    *out = combine(*out, x);
                }
            }
        });
    }
}
