//! The matrix products of tensors.

use super::packed::SMALL;
use super::strided::{Matrix, StridedProduct, scale};
use crate::cpu::parallel::for_pieces;
use crate::scalar::Scalar;
use crate::shape::{self, OrPanic, ShapeError, Transpose};
use crate::tensor::Tensor;

impl<T: Scalar> Tensor<T> {
    /// The matrix product `A · B` of the last two axes, with `self` as A.
    ///
    /// The right operand is one matrix or a batch. One matrix is multiplied by every row of the
    /// left operand: `[.., M, K] · [K, N]` gives `[.., M, N]`, and a vector `[K] · [K, N]` gives
    /// `[N]`. A batch has the left operand's leading axes: `[.., M, K] · [.., K, N]`.
    ///
    /// # Panics
    ///
    /// If the contracted extents or the batches differ.
    #[track_caller]
    #[must_use]
    pub fn matmul(&self, rhs: &Self) -> Self {
        self.matmul_with(rhs, Transpose::NONE)
    }

    /// `A · Bᵀ`, without copying the transpose.
    ///
    /// # Panics
    ///
    /// If the contracted extents or the batches differ.
    #[track_caller]
    #[must_use]
    pub fn matmul_t(&self, rhs: &Self) -> Self {
        self.matmul_with(rhs, Transpose::RIGHT)
    }

    /// `Aᵀ · B`, without copying the transpose. A and B have the same number of axes.
    ///
    /// # Panics
    ///
    /// If the contracted extents or the batches differ.
    #[track_caller]
    #[must_use]
    pub fn t_matmul(&self, rhs: &Self) -> Self {
        self.matmul_with(rhs, Transpose::LEFT)
    }

    /// Like [`matmul`](Self::matmul), reading either operand transposed. A left operand that is read
    /// transposed has as many axes as the right.
    ///
    /// # Panics
    ///
    /// If the contracted extents or the batches differ.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn matmul_with(&self, rhs: &Self, transpose: Transpose) -> Self {
        let shape = shape::matmul(self.shape(), rhs.shape(), transpose).or_panic();
        Self::build(shape, |c| batches(T::one(), self, rhs, transpose, T::zero(), c))
    }

    /// `C ← α A B + β C`, with the shapes of [`matmul_with`](Self::matmul_with). If β = 0, C is not
    /// read and may hold any values.
    ///
    /// # Panics
    ///
    /// If the operands' shapes do not combine, or `c` does not have the product's shape.
    #[track_caller]
    #[inline(never)]
    pub fn gemm(alpha: T, a: &Self, b: &Self, transpose: Transpose, beta: T, c: &mut Self) {
        let shape = shape::matmul(a.shape(), b.shape(), transpose).or_panic();
        if shape != *c.shape() {
            let problem = format!("the product has shape {shape}; C must have it too");
            Err::<(), _>(ShapeError::new("gemm", &[c.shape()], problem)).or_panic();
        }
        batches(alpha, a, b, transpose, beta, c.as_mut_slice());
    }
}

/// `C ← A B` for batches of matrices, on this thread. The last two axes of A and B are `stored`.
pub fn multiply_matrices<T: Scalar>(
    [a, b]: [&[T]; 2],
    stored: [[usize; 2]; 2],
    transpose: Transpose,
    c: &mut [T],
) {
    let [[a_rows, a_columns], [b_rows, b_columns]] = stored;
    let [m, k] = if transpose.left { [a_columns, a_rows] } else { [a_rows, a_columns] };
    let n = if transpose.right { b_rows } else { b_columns };
    if m * n == 0 || k == 0 {
        return c.fill(T::zero());
    }
    let count = c.len() / (m * n);
    assert_eq!(
        [a.len(), b.len()],
        [count * m * k, count * k * n],
        "as many matrices in A, B and C"
    );
    let operands = a.chunks_exact(m * k).zip(b.chunks_exact(k * n));
    for ((a, b), c) in operands.zip(c.chunks_exact_mut(m * n)) {
        let a = Matrix::new(a, a_columns, transpose.left);
        let b = Matrix::new(b, b_columns, transpose.right);
        let (alpha, beta) = (T::one(), T::zero());
        StridedProduct { extents: [m, k, n], alpha, a, b, beta }.on_this_thread(c);
    }
}

/// `C ← α A B + β C` for operands or batches whose shapes combine.
fn batches<T: Scalar>(
    alpha: T,
    a: &Tensor<T>,
    b: &Tensor<T>,
    transpose: Transpose,
    beta: T,
    c: &mut [T],
) {
    let (a_columns, b_columns) = (a.shape()[a.rank() - 1], b.shape()[b.rank() - 1]);
    let b_rows = b.shape()[b.rank() - 2];
    let [k, n] = if transpose.right { [b_columns, b_rows] } else { [b_rows, b_columns] };
    let m = match (transpose.left, b.rank()) {
        (true, _) => a_columns,
        (false, 2) => c.len() / n.max(1), // all leading axes are rows
        (false, _) => a.shape()[a.rank() - 2],
    };
    if c.is_empty() {
        return;
    }
    if k == 0 {
        return scale(c, beta);
    }
    let (a, b) = (a.as_slice(), b.as_slice());
    let multiply = |first: usize, c: &mut [T]| {
        let operands = a.chunks_exact(m * k).zip(b.chunks_exact(k * n)).skip(first);
        for ((a, b), c) in operands.zip(c.chunks_exact_mut(m * n)) {
            let a = Matrix::new(a, a_columns, transpose.left);
            let b = Matrix::new(b, b_columns, transpose.right);
            StridedProduct { extents: [m, k, n], alpha, a, b, beta }.choose(c);
        }
    };
    if c.len() == m * n || c.len() * k < SMALL {
        multiply(0, c);
    } else {
        let together = (SMALL / 4).div_ceil(m * k * n);
        for_pieces(c, together * m * n, &|i, c| multiply(i * together, c));
    }
}
