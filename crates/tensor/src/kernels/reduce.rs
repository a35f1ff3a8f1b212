//! Reductions over axes: sums, means, norms and extrema.

use smallvec::SmallVec;

use crate::kernels::arithmetic::{larger, smaller};
use crate::kernels::fold::{around, fold_middle, fold_slice};
use crate::scalar::Scalar;
use crate::shape::{self, OrPanic, Shape, ShapeError};
use crate::tensor::Tensor;

/// Defines a reduction and its variant that keeps the axes.
macro_rules! reduction {
    ($($(#[$doc:meta])* $name:ident, $keep:ident = $rule:ident;)*) => {
        impl<T: Scalar> Tensor<T> {
            $(
                $(#[$doc])*
                ///
                /// The axes are removed from the shape. An empty list of axes leaves the tensor as
                /// it is.
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
                /// with the axes kept at extent one, so that the result broadcasts to this tensor.
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
    /// The largest element over axes (negative counts from the end); NaN if any element is NaN.
    /// Panics over an axis of extent zero, which has no largest element.
    max, max_keep = max_rule;
    /// The smallest element over axes (negative counts from the end); NaN if any element is NaN.
    /// Panics over an axis of extent zero, which has no smallest element.
    min, min_keep = min_rule;
}

impl<T: Scalar> Tensor<T> {
    #[inline(never)]
    fn sum_rule(
        &self,
        operation: &'static str,
        axes: &[isize],
        keep: bool,
    ) -> Result<Self, ShapeError> {
        let axes = shape::axes(operation, self.shape(), axes)?;
        let target = shape::reduce(self.shape(), &axes, keep);
        Ok(self.sum_along(&axes, target))
    }

    #[inline(never)]
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

    #[inline(never)]
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

    #[inline(never)]
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

    /// The sum of all elements, without axes.
    #[must_use]
    #[inline(never)]
    pub fn sum_all(&self) -> Self {
        Self::scalar(fold_slice(self.as_slice(), T::zero(), |x, y| x + y))
    }

    /// The mean of all elements, without axes; NaN if there are none.
    #[must_use]
    pub fn mean_all(&self) -> Self {
        self.sum_all() / self.len() as f64
    }

    /// Sums over the axes along which `shape` broadcasts to this tensor's shape: the gradient of
    /// [`broadcast_to`](Self::broadcast_to).
    ///
    /// # Panics
    ///
    /// If `shape` does not broadcast to this tensor's shape.
    #[track_caller]
    #[must_use]
    pub fn sum_to(&self, shape: impl Into<Shape>) -> Self {
        self.sum_stretched(shape.into())
    }

    #[track_caller]
    #[inline(never)]
    pub(crate) fn sum_stretched(&self, shape: Shape) -> Self {
        shape::broadcast_to("sum_to", &shape, self.shape()).or_panic();
        let added = self.rank() - shape.len();
        let axes: SmallVec<[usize; 4]> = (0..self.rank())
            .filter(|&axis| axis < added || shape[axis - added] != self.shape()[axis])
            .collect();
        self.sum_along(&axes, shape)
    }

    /// The position along `axis` of the largest element, for each index of the other axes in
    /// row-major order. The first of equal elements counts, and NaN counts as the largest, as in
    /// NumPy.
    ///
    /// # Panics
    ///
    /// If the axis does not exist or has extent zero.
    #[track_caller]
    #[must_use]
    #[inline(never)]
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

    /// Sums the elements along `axes` as [`fold`](Self::fold) does.
    pub(crate) fn sum_along(&self, axes: &[usize], target: Shape) -> Self {
        self.fold(axes, target, T::zero(), |x, y| x + y)
    }

    /// Folds the elements along `axes` (resolved, ascending) with `combine`. `target` is the shape
    /// of the result, with the axes removed or kept.
    pub(crate) fn fold(
        &self,
        axes: &[usize],
        target: Shape,
        identity: T,
        combine: impl Fn(T, T) -> T + Copy + Sync,
    ) -> Self {
        // A group of neighbouring axes folds at once. The last group comes first, so that the other
        // axes keep their positions.
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
