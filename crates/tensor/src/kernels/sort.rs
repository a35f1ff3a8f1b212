//! Sorting along an axis.

use crate::cpu::parallel::for_rows;
use crate::kernels::fold::around;
use crate::kernels::lanes;
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
        self.order("argsort", axis, self.shape()[axis], false)
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
        self.order("topk", axis, k, true)
    }

    /// The positions of the first `count` elements along an axis, in ascending or descending order.
    #[track_caller]
    fn order(
        &self,
        operation: &'static str,
        axis: usize,
        count: usize,
        is_descending: bool,
    ) -> Self {
        let [_, n, inner] = around(self.shape(), axis..axis + 1);
        assert!(
            lanes::are_exact::<T>(n),
            "{operation}: {n} positions are not exact in {}",
            T::NAME
        );
        let (source, row) = (self.as_slice(), count * inner);
        Self::build(self.shape().with(axis, count), |out| {
            for_rows(out, row, n * inner, &|first, rows| {
                let mut scratch = lanes::Scratch::default();
                for (i, row) in rows.chunks_exact_mut(row).enumerate() {
                    let block = &source[(first + i) * n * inner..][..n * inner];
                    lanes::order(block, inner, is_descending, row, &mut scratch);
                }
            });
        })
    }
}
