//! Matrix products.
//!
//! `matrixmultiply` computes them, in tiles of at most 16 by 16 elements of C. Large products are
//! divided into blocks of C for several threads. The blocks' edges are multiples of the tiles, and
//! the contracted axis is never divided: every element sees the same operations in the same order
//! as in one piece.

use rayon::prelude::*;

use crate::shape::{self, OrPanic, ShapeError, Transpose};
use crate::{Scalar, Tensor};

impl<T: Scalar> Tensor<T> {
    /// The matrix product `self · rhs` of the last two axes.
    ///
    /// The right operand is one matrix, which multiplies every row of the left
    /// (`[.., M, K] · [K, N]` gives `[.., M, N]`, a vector `[K]` gives `[N]`), or a batch with the
    /// left's leading axes.
    ///
    /// # Panics
    ///
    /// If the contracted extents or the batches differ.
    #[track_caller]
    #[must_use]
    pub fn matmul(&self, rhs: &Self) -> Self {
        self.matmul_with(rhs, Transpose::NONE)
    }

    /// Like [`matmul`](Self::matmul), reading either operand transposed: `A · Bᵀ` is
    /// `a.matmul_with(&b, Transpose::RIGHT)`. A transposed left operand has as many axes as the
    /// right.
    ///
    /// # Panics
    ///
    /// If the contracted extents or the batches differ.
    #[track_caller]
    #[must_use]
    pub fn matmul_with(&self, rhs: &Self, transpose: Transpose) -> Self {
        let shape = shape::matmul(self.shape(), rhs.shape(), transpose).or_panic();
        Self::build(shape, |c| product(T::one(), self, rhs, transpose, T::zero(), c))
    }

    /// `C ← α A B + β C`, with the shapes of [`matmul_with`](Self::matmul_with). β = 0 never reads
    /// C, so that it may hold anything.
    ///
    /// # Panics
    ///
    /// If the operands' shapes do not combine, or `c` has not the product's shape.
    #[track_caller]
    pub fn gemm(alpha: T, a: &Self, b: &Self, transpose: Transpose, beta: T, c: &mut Self) {
        let shape = shape::matmul(a.shape(), b.shape(), transpose).or_panic();
        if shape != *c.shape() {
            let problem = format!("the product has shape {shape}; C must have it too");
            Err(ShapeError::new("gemm", &[c.shape()], problem)).or_panic()
        }
        product(alpha, a, b, transpose, beta, c.as_mut_slice());
    }
}

/// A matrix within a slice.
#[derive(Clone, Copy)]
struct Matrix<'a, T> {
    elements: &'a [T],
    strides: [usize; 2],
}

impl<'a, T: Scalar> Matrix<'a, T> {
    /// `rows × columns`, stored row-major, or column-major if `transposed`.
    fn new(elements: &'a [T], [rows, columns]: [usize; 2], transposed: bool) -> Self {
        debug_assert_eq!(elements.len(), rows * columns);
        Self { elements, strides: if transposed { [1, rows] } else { [columns, 1] } }
    }

    fn pointer(&self, row: usize, column: usize) -> (*const T, [isize; 2]) {
        let start = row * self.strides[0] + column * self.strides[1];
        (self.elements[start..].as_ptr(), self.strides.map(|stride| stride as isize))
    }
}

/// `C ← α A B + β C` on operands whose shapes combine.
fn product<T: Scalar>(
    alpha: T,
    a: &Tensor<T>,
    b: &Tensor<T>,
    transpose: Transpose,
    beta: T,
    c: &mut [T],
) {
    let extents = |tensor: &Tensor<T>, transposed: bool| {
        let rank = tensor.rank();
        let [rows, columns] = [tensor.shape()[rank - 2], tensor.shape()[rank - 1]];
        if transposed { [columns, rows] } else { [rows, columns] }
    };
    let [k, n] = extents(b, transpose.right);
    let one_matrix = b.rank() == 2;
    let m = match (one_matrix, transpose.left) {
        (true, false) => c.len().checked_div(n).unwrap_or(0), // every leading row
        _ => extents(a, transpose.left)[0],
    };
    if m * n == 0 {
        return;
    }
    if k == 0 {
        return c.iter_mut().for_each(|c| *c = if beta == T::zero() { beta } else { *c * beta });
    }
    let (a, b) = (a.as_slice(), b.as_slice());
    for (i, c) in c.chunks_exact_mut(m * n).enumerate() {
        let a = Matrix::new(&a[i * m * k..][..m * k], [m, k], transpose.left);
        let b = Matrix::new(&b[i * k * n..][..k * n], [k, n], transpose.right);
        blocks(k, alpha, a, b, beta, c, n);
    }
}

/// One product `[m, k] · [k, n]`.
fn blocks<T: Scalar>(
    k: usize,
    alpha: T,
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    beta: T,
    c: &mut [T],
    n: usize,
) {
    let m = c.len() / n;
    let gemm = |row: usize, c: &mut [T]| {
        // SAFETY: the operands hold m·k and k·n elements, addressed by their strides, and `c`
        // holds whole rows of n elements, borrowed exclusively.
        unsafe {
            T::gemm(
                c.len() / n,
                k,
                n,
                alpha,
                a.pointer(row, 0),
                b.pointer(0, 0),
                beta,
                (c.as_mut_ptr(), [n as isize, 1]),
            );
        }
    };
    if m * n * k < 1 << 22 {
        gemm(0, c);
    } else {
        c.par_chunks_mut(256 * n).enumerate().for_each(|(i, c)| gemm(i * 256, c));
    }
}
