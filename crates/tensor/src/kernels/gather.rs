//! Gathering and scattering of rows by index.

use crate::cpu::parallel::for_rows;
use crate::kernels::fold::around;
use crate::scalar::Scalar;
use crate::shape::{self, OrPanic};
use crate::tensor::Tensor;

impl<T: Scalar> Tensor<T> {
    /// The rows at `indices`, as in an embedding lookup: `[N, ..]` gives `[indices.len(), ..]`.
    ///
    /// # Panics
    ///
    /// If the tensor has no axis, or an index is not within axis 0.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn gather_rows(&self, indices: &[usize]) -> Self {
        let shape = shape::gather_rows(self.shape(), indices).or_panic();
        let [_, _, width] = around(self.shape(), 0..1);
        let source = self.as_slice();
        Self::build(shape, |out| {
            for_rows(out, width, width, &|first, out| {
                for (out, &index) in out.chunks_exact_mut(width).zip(&indices[first..]) {
                    out.copy_from_slice(&source[index * width..][..width]);
                }
            });
        })
    }

    /// Adds row `i` of `rows` `[indices.len(), ..]` to row `indices[i]` of this tensor `[N, ..]`,
    /// in ascending order of `i`: the gradient of [`gather_rows`](Self::gather_rows).
    ///
    /// # Panics
    ///
    /// If `rows` does not have the shape that `gather_rows` gives, or an index is not within axis
    /// 0.
    #[track_caller]
    #[inline(never)]
    pub fn scatter_add_rows(&mut self, indices: &[usize], rows: &Self) {
        shape::rows_exist("scatter_add_rows", self.shape(), indices).or_panic();
        let expected = self.shape().with(0, indices.len());
        shape::same("scatter_add_rows", rows.shape(), &expected).or_panic();
        let [_, _, width] = around(self.shape(), 0..1);
        if width == 0 {
            return;
        }
        let out = self.as_mut_slice();
        for (row, &index) in rows.as_slice().chunks_exact(width).zip(indices) {
            for (x, &y) in out[index * width..][..width].iter_mut().zip(row) {
                *x += y;
            }
        }
    }

    /// The transpose of [`gather_rows`](Self::gather_rows): zeros `[rows, ..]`, to which row `i` of
    /// this tensor `[indices.len(), ..]` is added at row `indices[i]`.
    ///
    /// # Panics
    ///
    /// If there are not as many indices as rows, or an index is not less than `rows`.
    #[track_caller]
    #[must_use]
    pub fn scatter_rows(&self, indices: &[usize], rows: usize) -> Self {
        let shape = shape::scatter_rows(self.shape(), indices, rows).or_panic();
        let mut sums = Self::zeros(shape);
        sums.scatter_add_rows(indices, self);
        sums
    }

    /// One-hot rows `[indices.len(), classes]`: row `i` is 1 at column `indices[i]` and 0
    /// elsewhere.
    ///
    /// # Panics
    ///
    /// If an index is not less than `classes`.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn one_hot(indices: &[usize], classes: usize) -> Self {
        shape::rows_exist("one_hot", &[classes], indices).or_panic();
        let mut rows = Self::zeros([indices.len(), classes]);
        let out = rows.as_mut_slice();
        for (i, &index) in indices.iter().enumerate() {
            out[i * classes + index] = T::one();
        }
        rows
    }
}
