//! Gathering and scattering by index, of rows and along an axis.

use crate::cpu::parallel::for_rows;
use crate::kernels::fold::around;
use crate::kernels::lanes;
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

    /// Gathers elements along an axis: element `j` of a lane of the result is element `indices[j]` of the lane of this
    /// tensor at the same position of the other axes, as `take_along_axis` in NumPy and JAX. The result has the shape of
    /// `indices`, which are whole numbers.
    ///
    /// ```
    /// use bptt_tensor::Tensor;
    /// let x = Tensor::from([[3.0, 1.0, 2.0], [6.0, 5.0, 4.0]]);
    /// let indices = Tensor::from([[0.0, 2.0], [1.0, 1.0]]);
    /// assert_eq!(x.gather_along(&indices, 1), Tensor::from([[3.0, 2.0], [5.0, 5.0]]));
    /// ```
    ///
    /// # Panics
    ///
    /// If the axis does not exist, other extents differ, or an index is not a whole number within the axis.
    #[doc(alias = "take_along_axis")]
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn gather_along(&self, indices: &Self, axis: isize) -> Self {
        let axis = shape::axis("gather_along", self.shape(), axis).or_panic();
        let shape = shape::gather_along(self.shape(), axis, indices.shape()).or_panic();
        let [_, n, inner] = around(self.shape(), axis..axis + 1);
        let (source, row) = (self.as_slice(), shape[axis] * inner);
        let indices = indices.positions("gather_along", n);
        Self::build(shape, |out| {
            for_rows(out, row, row, &|first, rows| {
                let indices = indices[first * row..].chunks_exact(row);
                for (i, (row, indices)) in rows.chunks_exact_mut(row).zip(indices).enumerate() {
                    let source = &source[(first + i) * n * inner..][..n * inner];
                    lanes::gather(source, inner, indices.iter().copied(), row);
                }
            });
        })
    }

    /// The transpose of [`gather_along`](Self::gather_along): zeros with this extent along the axis, to which element
    /// `j` of each lane of this tensor is added at position `indices[j]`, in ascending order of `j`.
    ///
    /// # Panics
    ///
    /// If the axis does not exist, the shapes differ, or an index is not a whole number less than `extent`.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn scatter_along(&self, indices: &Self, axis: isize, extent: usize) -> Self {
        let axis = shape::axis("scatter_along", self.shape(), axis).or_panic();
        let shape = shape::scatter_along(self.shape(), axis, indices.shape(), extent).or_panic();
        let [_, n, inner] = around(self.shape(), axis..axis + 1);
        let (source, row) = (self.as_slice(), extent * inner);
        let indices = indices.positions("scatter_along", extent);
        let mut sums = Self::zeros(shape);
        for_rows(sums.as_mut_slice(), row, n * inner, &|first, rows| {
            for (i, row) in rows.chunks_exact_mut(row).enumerate() {
                let block = (first + i) * n * inner..(first + i + 1) * n * inner;
                let positions = indices[block.clone()].iter().copied();
                lanes::scatter(&source[block], inner, positions, row);
            }
        });
        sums
    }

    /// The elements as positions along an axis.
    #[track_caller]
    fn positions(&self, operation: &'static str, extent: usize) -> Vec<usize> {
        let mut positions = Vec::with_capacity(self.len());
        for &index in self.as_slice() {
            positions.push(lanes::position(operation, index, extent)); // a closure would hide the caller's line
        }
        positions
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
