//! Sums up to each position of an axis.

use crate::cpu::parallel::for_rows;
use crate::kernels::fold::around;
use crate::kernels::lanes;
use crate::scalar::Scalar;
use crate::shape::{self, OrPanic};
use crate::tensor::Tensor;

impl<T: Scalar> Tensor<T> {
    /// The sums up to each position of an axis: `yᵢ = x₀ + … + xᵢ`, added in this order.
    ///
    /// ```
    /// use bptt_tensor::Tensor;
    /// let x = Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    /// assert_eq!(x.cumsum(1), Tensor::from([[1.0, 3.0, 6.0], [4.0, 9.0, 15.0]]));
    /// ```
    ///
    /// # Panics
    ///
    /// If the axis does not exist.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn cumsum(&self, axis: isize) -> Self {
        let axis = shape::axis("cumsum", self.shape(), axis).or_panic();
        self.cumulate(axis, false)
    }

    /// The sums from each position of an axis to its end: `yᵢ = xᵢ + … + xₙ₋₁`, added from the end. It is the transpose
    /// of [`cumsum`](Self::cumsum), and so its gradient.
    ///
    /// # Panics
    ///
    /// If the axis does not exist.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn reverse_cumsum(&self, axis: isize) -> Self {
        let axis = shape::axis("reverse_cumsum", self.shape(), axis).or_panic();
        self.cumulate(axis, true)
    }

    /// Adds entries of an axis from its start or its end.
    fn cumulate(&self, axis: usize, is_reversed: bool) -> Self {
        let [_, n, inner] = around(self.shape(), axis..axis + 1);
        let (source, row) = (self.as_slice(), n * inner);
        Self::build(self.shape().clone(), |out| {
            for_rows(out, row, row, &|first, rows| {
                let blocks = source[first * row..].chunks_exact(row);
                for (sums, block) in rows.chunks_exact_mut(row).zip(blocks) {
                    lanes::cumsum(block, inner, is_reversed, sums);
                }
            });
        })
    }
}
