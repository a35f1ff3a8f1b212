//! Sums up to each position of an axis.

use crate::cpu::parallel::for_rows;
use crate::kernels::fold::around;
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
        self.cumulate(axis, |previous, entry| (previous, entry))
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
        let last = self.shape()[axis].saturating_sub(1);
        self.cumulate(axis, move |previous, entry| (last - previous, last - entry))
    }

    /// Adds entries of an axis. `place` maps the positions of an entry and of the one before it to those in memory.
    fn cumulate(&self, axis: usize, place: impl Fn(usize, usize) -> (usize, usize) + Sync) -> Self {
        let mut sums = self.clone();
        let [_, n, inner] = around(self.shape(), axis..axis + 1);
        let row = n * inner;
        for_rows(sums.as_mut_slice(), row, row, &|_, rows| {
            for row in rows.chunks_exact_mut(row) {
                for i in 1..n {
                    let (previous, entry) = place(i - 1, i);
                    for column in 0..inner {
                        row[entry * inner + column] =
                            row[previous * inner + column] + row[entry * inner + column];
                    }
                }
            }
        });
        sums
    }
}
