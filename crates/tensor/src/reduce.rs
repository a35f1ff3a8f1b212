//! Reductions over axes: sums, means, norms and extrema.
//!
//! Sums are pairwise: a long axis is halved until the parts are short, so rounding errors grow
//! with the logarithm of its length, and the halves may run on different threads — the tree
//! depends on the shape alone, so the result does not depend on the threads.

use smallvec::SmallVec;

use crate::function::{larger, smaller};
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
    /// The Euclidean norm `√Σ x²` over axes (negative counts from the end), accurate even if squares of elements
    /// overflow or underflow. It is 0 over an axis of extent zero.
    norm, norm_keep = norm_rule;
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
        let target = shape::reduce(self.shape(), &axes, keep);
        Ok(self.fold(&axes, target, T::zero(), |x, y| x + y))
    }

    fn mean_rule(
        &self,
        operation: &'static str,
        axes: &[isize],
        keep: bool,
    ) -> Result<Self, ShapeError> {
        let mut mean = self.sum_rule(operation, axes, keep)?;
        let count = T::of(self.len() as f64 / mean.len() as f64);
        mean.as_mut_slice().iter_mut().for_each(|x| *x /= count);
        Ok(mean)
    }

    fn max_rule(
        &self,
        operation: &'static str,
        axes: &[isize],
        keep: bool,
    ) -> Result<Self, ShapeError> {
        self.extremum(
            operation,
            axes,
            keep,
            T::neg_infinity(),
            #[inline(always)]
            |x, y| larger(x, y),
        )
    }

    fn min_rule(
        &self,
        operation: &'static str,
        axes: &[isize],
        keep: bool,
    ) -> Result<Self, ShapeError> {
        self.extremum(
            operation,
            axes,
            keep,
            T::infinity(),
            #[inline(always)]
            |x, y| smaller(x, y),
        )
    }

    fn extremum(
        &self,
        operation: &'static str,
        axes: &[isize],
        keep: bool,
        identity: T,
        combine: impl Fn(T, T) -> T + Copy + Sync,
    ) -> Result<Self, ShapeError> {
        let axes = shape::axes(operation, self.shape(), axes)?;
        shape::choosable(operation, self.shape(), &axes)?;
        let target = shape::reduce(self.shape(), &axes, keep);
        Ok(self.fold(&axes, target, identity, combine))
    }

    /// The sum of all elements.
    #[must_use]
    pub fn sum_all(&self) -> T {
        fold_slice(self.as_slice(), T::zero(), |x, y| x + y)
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
        shape::broadcast_to("sum_to", &shape, self.shape()).or_panic();
        let added = self.rank() - shape.len();
        let axes: SmallVec<[usize; 4]> = (0..self.rank())
            .filter(|&axis| axis < added || shape[axis - added] != self.shape()[axis])
            .collect();
        self.fold(&axes, shape, T::zero(), |x, y| x + y)
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
        shape::choosable("argmax", self.shape(), &[axis]).or_panic();
        let mut order: SmallVec<[usize; 4]> = (0..self.rank()).collect();
        order[axis..].rotate_left(1);
        let rows = self.permute(&order);
        let first_maximum = |row: &[T]| {
            let max = fold_slice(
                row,
                T::neg_infinity(),
                #[inline(always)]
                |x, y| larger(x, y),
            );
            row.iter().position(|&x| x == max || x.is_nan()).unwrap_or(0)
        };
        rows.as_slice().chunks_exact(self.shape()[axis]).map(first_maximum).collect()
    }

    /// Folds the elements along `axes` (resolved, ascending) with `combine`; the result has the
    /// elements of the other axes in the shape `target`.
    pub(crate) fn fold(
        &self,
        axes: &[usize],
        target: Shape,
        identity: T,
        combine: impl Fn(T, T) -> T + Copy + Sync,
    ) -> Self {
        // Neighbouring axes fold together; the last first, which leaves the others in place.
        let group = match axes.chunk_by(|a, b| a + 1 == *b).next_back() {
            Some(group) if target.elements() < self.len() || self.is_empty() => group,
            _ => return self.reshape(target), // every element is its own sum
        };
        let rest = &axes[..axes.len() - group.len()];
        let extents = around(self.shape(), group[0]..group[0] + group.len());
        let fold = |out: &mut [T]| fold_middle(self.as_slice(), extents, out, identity, combine);
        if rest.is_empty() {
            return Self::build(target, fold);
        }
        let kept = shape::reduce(self.shape(), group, true);
        Self::build(kept, fold).fold(rest, target, identity, combine)
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
    combine: impl Fn(T, T) -> T + Copy + Sync,
) {
    let len = n * inner;
    for_rows(out, inner, len, |first, out| {
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

/// Elements that one loop folds; more are halved.
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
    let (x, y) = join(
        values.len(),
        || fold_slice(head, identity, combine),
        || fold_slice(tail, identity, combine),
    );
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

/// Folds a short slice. 64 accumulators fill the vector units' pipelines, and keep the compiler
/// from unrolling them into scalars; eight serve the remainder and short rows.
#[inline(always)]
fn fold_block<T: Scalar>(values: &[T], identity: T, combine: impl Fn(T, T) -> T + Copy) -> T {
    let (wide, rest) = values.as_chunks::<64>();
    let (narrow, rest) = rest.as_chunks::<8>();
    let wide = fold_lanes(wide, identity, combine);
    let narrow = fold_lanes(narrow, identity, combine);
    rest.iter().fold(combine(wide, narrow), |folded, &x| combine(folded, x))
}

/// Folds into `N` accumulators, and these by halves.
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

/// Columns that are folded at a time: their accumulators stay in the first-level cache.
const COLUMNS: usize = 2048;

/// Rows that are folded one after the other; more are halved.
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
