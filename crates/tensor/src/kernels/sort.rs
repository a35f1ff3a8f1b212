//! Sorting along an axis.

use std::cmp::Ordering;

use crate::cpu::parallel::for_rows;
use crate::kernels::fold::around;
use crate::scalar::Scalar;
use crate::shape::{self, OrPanic};
use crate::tensor::Tensor;

impl<T: Scalar> Tensor<T> {
    /// The elements along an axis in ascending order. NaN comes last, as in NumPy.
    ///
    /// # Panics
    ///
    /// If the axis does not exist.
    #[track_caller]
    #[must_use]
    pub fn sort(&self, axis: isize) -> Self {
        self.gather_along(&self.argsort(axis), axis)
    }

    /// The positions of the elements along an axis, in the ascending order of the elements, as whole numbers. Equal
    /// elements keep their order, and NaN comes last, as in NumPy. [`gather_along`](Self::gather_along) reads them.
    ///
    /// ```
    /// use bptt_tensor::Tensor;
    /// let x = Tensor::from([[3.0, 1.0, 2.0], [5.0, 4.0, 4.0]]);
    /// assert_eq!(x.argsort(1), Tensor::from([[1.0, 2.0, 0.0], [1.0, 2.0, 0.0]]));
    /// ```
    ///
    /// # Panics
    ///
    /// If the axis does not exist, or is longer than the whole numbers of the element type are exact: 16 777 216 in
    /// `f32`.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn argsort(&self, axis: isize) -> Self {
        let axis = shape::axis("argsort", self.shape(), axis).or_panic();
        self.order("argsort", axis, self.shape()[axis], compare)
    }

    /// The `k` largest elements along an axis, in descending order, and their positions along it as whole numbers. Of
    /// equal elements the first comes first, and NaN counts as the largest, as in JAX and PyTorch.
    ///
    /// ```
    /// use bptt_tensor::Tensor;
    /// let (values, indices) = Tensor::from([2.0, 9.0, 4.0, 9.0]).topk(3, 0);
    /// assert_eq!(values, Tensor::from([9.0, 9.0, 4.0]));
    /// assert_eq!(indices, Tensor::from([1.0, 3.0, 2.0]));
    /// ```
    ///
    /// # Panics
    ///
    /// As [`argsort`](Self::argsort), and if `k` is greater than the axis's extent.
    #[track_caller]
    #[must_use]
    pub fn topk(&self, k: usize, axis: isize) -> (Self, Self) {
        let indices = self.top_indices(k, axis);
        (self.gather_along(&indices, axis), indices)
    }

    /// The indices of [`topk`](Self::topk).
    #[doc(hidden)]
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn top_indices(&self, k: usize, axis: isize) -> Self {
        let axis = shape::axis("topk", self.shape(), axis).or_panic();
        shape::top("topk", self.shape(), axis, k).or_panic();
        self.order("topk", axis, k, |x, y| compare(y, x))
    }

    /// The positions of the first `count` elements along an axis, in the order of `compare`.
    #[track_caller]
    fn order(
        &self,
        operation: &'static str,
        axis: usize,
        count: usize,
        compare: fn(&T, &T) -> Ordering,
    ) -> Self {
        let [_, n, inner] = around(self.shape(), axis..axis + 1);
        let exact = 2.0 / T::epsilon().as_f64(); // 2²⁴ in `f32`
        assert!(n as f64 <= exact, "{operation}: {n} positions are not exact in {}", T::NAME);
        let (source, row) = (self.as_slice(), count * inner);
        Self::build(self.shape().with(axis, count), |out| {
            for_rows(out, row, n * inner, &|first, rows| {
                let mut lane = vec![T::zero(); n];
                let mut order: Vec<usize> = Vec::with_capacity(n);
                for (i, row) in rows.chunks_exact_mut(row).enumerate() {
                    for column in 0..inner {
                        let elements = source[(first + i) * n * inner + column..].iter();
                        for (to, &x) in lane.iter_mut().zip(elements.step_by(inner)) {
                            *to = x;
                        }
                        sort_first(&lane, &mut order, count, compare);
                        for (place, &position) in order[..count].iter().enumerate() {
                            row[place * inner + column] = T::of(position as f64);
                        }
                    }
                }
            });
        })
    }
}

/// Sets `order[..count]` to the positions of the first elements of a lane. Equal elements keep their order.
fn sort_first<T>(
    lane: &[T],
    order: &mut Vec<usize>,
    count: usize,
    compare: fn(&T, &T) -> Ordering,
) {
    let compare = |&i: &usize, &j: &usize| compare(&lane[i], &lane[j]).then(i.cmp(&j));
    order.clear();
    order.extend(0..lane.len());
    if count < lane.len() {
        order.select_nth_unstable_by(count, compare);
    }
    order[..count].sort_unstable_by(compare);
}

/// Orders numbers, with NaN as the largest.
fn compare<T: Scalar>(x: &T, y: &T) -> Ordering {
    x.partial_cmp(y).unwrap_or_else(|| x.is_nan().cmp(&y.is_nan()))
}
