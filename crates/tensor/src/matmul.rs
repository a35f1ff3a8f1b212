//! Matrix products.
//!
//! `matrixmultiply` computes them, in tiles of at most 16 by 16 elements of C. Large products are
//! divided into blocks of C for several threads: the blocks' edges are multiples of the tiles, and
//! the contracted axis is never divided, so every element sees the same operations in the same
//! order as in one piece. Products of few rows, which `matrixmultiply` spends packing its
//! operands, have loops of their own; those of many rows pack their right operand by
//! [`packed`](crate::packed), which is faster then.

use rayon::prelude::*;

use crate::packed::{self, Factor, Start, Strided};
use crate::parallel::THRESHOLD;
use crate::shape::{self, OrPanic, ShapeError, Transpose};
use crate::simd::vectorize;
use crate::{Scalar, Tensor};

impl<T: Scalar> Tensor<T> {
    /// The matrix product `A · B` of the last two axes, with `self` as A.
    ///
    /// The right operand is one matrix, which multiplies every row of the left
    /// (`[.., M, K] · [K, N]` gives `[.., M, N]`, a vector `[K]` gives `[N]`), or a batch with the
    /// left's leading axes (`[.., M, K] · [.., K, N]`).
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
    /// `a.matmul_with(&b, Transpose::RIGHT)`. A left operand that is read transposed has as many
    /// axes as the right.
    ///
    /// # Panics
    ///
    /// If the contracted extents or the batches differ.
    #[track_caller]
    #[must_use]
    pub fn matmul_with(&self, rhs: &Self, transpose: Transpose) -> Self {
        let shape = shape::matmul(self.shape(), rhs.shape(), transpose).or_panic();
        Self::build(shape, |c| batches(T::one(), self, rhs, transpose, T::zero(), c))
    }

    /// `C ← α A B + β C`, with the shapes of [`matmul_with`](Self::matmul_with). β = 0 never reads
    /// C, which may then hold anything.
    ///
    /// # Panics
    ///
    /// If the operands' shapes do not combine, or `c` has not the product's shape.
    #[track_caller]
    pub fn gemm(alpha: T, a: &Self, b: &Self, transpose: Transpose, beta: T, c: &mut Self) {
        let shape = shape::matmul(a.shape(), b.shape(), transpose).or_panic();
        if shape != *c.shape() {
            let problem = format!("the product has shape {shape}; C must have it too");
            Err::<(), _>(ShapeError::new("gemm", &[c.shape()], problem)).or_panic();
        }
        batches(alpha, a, b, transpose, beta, c.as_mut_slice());
    }
}

/// A matrix in a slice: element `[i, j]` is at `i · strides[0] + j · strides[1]`.
#[derive(Clone, Copy)]
struct Matrix<'a, T> {
    elements: &'a [T],
    strides: [usize; 2],
}

impl<'a, T: Scalar> Matrix<'a, T> {
    /// A matrix stored row-major with this many columns; read transposed, rows.
    fn new(elements: &'a [T], columns: usize, transposed: bool) -> Self {
        let matrix = Self { elements, strides: [columns, 1] };
        if transposed { matrix.transposed() } else { matrix }
    }

    fn transposed(self) -> Self {
        let [rows, columns] = self.strides;
        Self { strides: [columns, rows], ..self }
    }

    fn strided(&self) -> Strided<T> {
        Strided { first: self.elements.as_ptr(), strides: self.strides }
    }

    /// The address of an element, and the strides, as BLAS takes them.
    fn address(&self, row: usize, column: usize) -> (*const T, [isize; 2]) {
        let start = row * self.strides[0] + column * self.strides[1];
        (self.elements[start..].as_ptr(), self.strides.map(|stride| stride as isize))
    }
}

/// `C ← α A B + β C` for a batch of operands, or one, whose shapes combine.
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
        (false, 2) => c.len() / n.max(1), // every leading row
        (false, _) => a.shape()[a.rank() - 2],
    };
    if c.is_empty() {
        return;
    }
    if k == 0 {
        return scale(c, beta);
    }
    let multiply = |((a, b), c): ((&[T], &[T]), &mut [T])| {
        let a = Matrix::new(a, a_columns, transpose.left);
        let b = Matrix::new(b, b_columns, transpose.right);
        Product { extents: [m, k, n], alpha, a, b, beta }.choose(c);
    };
    let (a, b) = (a.as_slice(), b.as_slice());
    if c.len() == m * n || c.len() * k < SMALL {
        let operands = a.chunks_exact(m * k).zip(b.chunks_exact(k * n));
        operands.zip(c.chunks_exact_mut(m * n)).for_each(multiply);
    } else {
        let operands = a.par_chunks_exact(m * k).zip(b.par_chunks_exact(k * n));
        let together = (SMALL / 4).div_ceil(m * k * n);
        let products = operands.zip(c.par_chunks_exact_mut(m * n)).with_min_len(together);
        products.for_each(multiply);
    }
}

/// A left operand of [`transposed`], and where its product goes.
pub(crate) struct Term<'a, T> {
    /// Rows `[K, M]` at a distance.
    pub(crate) a: (&'a [T], usize),
    /// `M`
    pub(crate) width: usize,
    /// Added to `c`, rather than written.
    pub(crate) adds: bool,
    /// `[M, N]`
    pub(crate) c: &'a mut [T],
}

/// `C ← Aᵀ B`, or `C + Aᵀ B`, for each term and `[K, N] = extents`, with rows of B at a distance.
pub(crate) fn transposed<T: Scalar>(
    [k, n]: [usize; 2],
    terms: &mut [Term<'_, T>],
    (b, b_distance): (&[T], usize),
) {
    let rows: usize = terms.iter().map(|term| term.width).sum();
    let b = Matrix { elements: b, strides: [b_distance, 1] };
    if terms.len() > 1 && is_packed(rows, n) && packed::are_few::<T>(rows, k) {
        let factor = |term: &mut Term<'_, T>| {
            assert!(k == 0 || term.a.0.len() >= (k - 1) * term.a.1 + term.width, "A is short");
            assert!(term.c.len() == term.width * n, "C has another size");
            Factor {
                rows: term.width,
                a: Strided { first: term.a.0.as_ptr(), strides: [1, term.a.1] },
                start: if term.adds { Start::Accumulate } else { Start::Zero },
                c: (term.c.as_mut_ptr(), n),
            }
        };
        let factors: Vec<_> = terms.iter_mut().map(factor).collect();
        assert!(k == 0 || b.elements.len() >= (k - 1) * b_distance + n, "B is short");
        // SAFETY: the operands have as many elements as just checked, and each C is borrowed
        // exclusively.
        return unsafe { packed::multiply_all([k, n], &factors, b.strided()) };
    }
    for term in terms {
        let a = Matrix { elements: term.a.0, strides: [1, term.a.1] };
        let beta = if term.adds { T::one() } else { T::zero() };
        let extents = [term.width, k, n];
        Product { extents, alpha: T::one(), a, b, beta }.choose(term.c);
    }
}

/// Whether a product of so many rows and columns packs its right operand by [`packed`].
fn is_packed(rows: usize, columns: usize) -> bool {
    rows >= PACKED_ROWS && columns >= PACKED_COLUMNS
}

/// `C ← β C`
fn scale<T: Scalar>(c: &mut [T], beta: T) {
    if beta == T::zero() {
        c.fill(beta);
    } else if beta != T::one() {
        c.iter_mut().for_each(|c| *c *= beta);
    }
}

/// `α A B + β C`, of which A is `m×k`, B is `k×n` and C is `m×n` and row-major.
#[derive(Clone, Copy)]
struct Product<'a, T> {
    extents: [usize; 3],
    alpha: T,
    a: Matrix<'a, T>,
    b: Matrix<'a, T>,
    beta: T,
}

/// Rows up to which a product's own loops are faster than packing: measured with `K×N = 256×1024`
/// in `f32`, 25 µs a row against some 90 µs for one to four rows.
const THIN: usize = 3;

/// Rows from which on packing the right operand by [`packed`] is faster than `matrixmultiply`, by a
/// tenth to three quarters. Below, they are equal, or packing a transposed operand costs more.
const PACKED_ROWS: usize = 96;

/// Columns that fill most of a panel.
const PACKED_COLUMNS: usize = 24;

/// Columns that one thread computes in a thin product.
const THIN_COLUMNS: usize = 256;

/// Multiplications below which one thread computes the whole product.
pub(crate) const SMALL: usize = 1 << 22;

/// Enough blocks to occupy the threads.
const BLOCKS: usize = 8;

impl<T: Scalar> Product<'_, T> {
    /// In the way that suits its size.
    fn choose(self, c: &mut [T]) {
        let [m, k, n] = self.extents;
        if c.is_empty() || k == 0 {
            scale(c, self.beta);
        } else if m <= THIN {
            self.thin(c);
        } else if n == 1 {
            self.transposed().thin(c);
        } else {
            self.blocks(c);
        }
    }

    /// `Cᵀ = Bᵀ Aᵀ`; of one column, C is its own transpose.
    fn transposed(self) -> Self {
        let [m, k, n] = self.extents;
        let (a, b) = (self.b.transposed(), self.a.transposed());
        Self { extents: [n, k, m], a, b, ..self }
    }

    /// Of many rows with a packed operand, otherwise by `matrixmultiply`, in blocks of C.
    fn blocks(&self, c: &mut [T]) {
        let [m, k, n] = self.extents;
        let plain = self.alpha == T::one() && (self.beta == T::zero() || self.beta == T::one());
        if plain && is_packed(m, n) {
            let start = if self.beta == T::zero() { Start::Zero } else { Start::Accumulate };
            let left = Factor { rows: m, a: self.a.strided(), start, c: (c.as_mut_ptr(), n) };
            // SAFETY: A and B hold `m×k` and `k×n` elements at their strides, and C is borrowed
            // exclusively and holds `m×n`.
            return unsafe { packed::multiply([k, n], left, self.b.strided()) };
        }
        let c = Address(c.as_mut_ptr());
        let block = |rows: [usize; 2], columns: [usize; 2]| {
            let [i, j] = [rows[0], columns[0]];
            // SAFETY: A and B hold `m×k` and `k×n` elements at their strides, and C is borrowed
            // exclusively and holds `m×n`; the block lies within them, and no two blocks share an
            // element of C.
            unsafe {
                T::gemm(
                    rows[1] - i,
                    k,
                    columns[1] - j,
                    self.alpha,
                    self.a.address(i, 0),
                    self.b.address(0, j),
                    self.beta,
                    (c.at(i * n + j), [n as isize, 1]),
                );
            }
        };
        if m * k * n < SMALL {
            return block([0, m], [0, n]);
        }
        // Large blocks pack less; all edges are multiples of the tiles.
        let count = |edge: usize| m.div_ceil(edge) * n.div_ceil(edge);
        let edge = [512, 256].into_iter().find(|&edge| count(edge) >= BLOCKS).unwrap_or(128);
        (0..count(edge)).into_par_iter().for_each(|index| {
            let [i, j] = [index / n.div_ceil(edge), index % n.div_ceil(edge)].map(|i| i * edge);
            block([i, m.min(i + edge)], [j, n.min(j + edge)]);
        });
    }

    /// Row by row of C: a sum of B's rows, or scalar products with its columns, whichever lie
    /// contiguous.
    fn thin(&self, c: &mut [T]) {
        let [_, k, n] = self.extents;
        for (i, c) in c.chunks_exact_mut(n).enumerate() {
            let row = self.a.elements[i * self.a.strides[0]..].iter().step_by(self.a.strides[1]);
            let row: Vec<T> = row.take(k).map(|&a| self.alpha * a).collect();
            let columns = |first: usize, c: &mut [T]| {
                scale(c, self.beta);
                match self.b.strides {
                    [width, 1] => add_rows(&row, &self.b.elements[first..], width, c),
                    [_, width] => add_dots(&row, &self.b.elements[first * width..], c),
                }
            };
            if k * n < THRESHOLD {
                columns(0, c);
            } else {
                let tiles = c.par_chunks_mut(THIN_COLUMNS).enumerate();
                tiles.for_each(|(i, c)| columns(i * THIN_COLUMNS, c));
            }
        }
    }
}

/// `cⱼ ← cⱼ + Σₚ rowₚ b[p, j]`, with the rows of `b` at a distance of `width`.
fn add_rows<T: Scalar>(row: &[T], b: &[T], width: usize, c: &mut [T]) {
    vectorize(
        #[inline(always)]
        move || {
            let (fours, rest) = row.as_chunks::<4>();
            for (p, x) in fours.iter().enumerate() {
                let [b0, b1, b2, b3] = [0, 1, 2, 3].map(|i| &b[(4 * p + i) * width..][..c.len()]);
                for (j, c) in c.iter_mut().enumerate() {
                    *c += (x[0] * b0[j] + x[1] * b1[j]) + (x[2] * b2[j] + x[3] * b3[j]);
                }
            }
            for (p, &x) in rest.iter().enumerate() {
                let b = &b[(4 * fours.len() + p) * width..];
                for (c, &b) in c.iter_mut().zip(b) {
                    *c += x * b;
                }
            }
        },
    );
}

/// `cⱼ ← cⱼ + Σₚ rowₚ b[j, p]`, with the rows of `b` as long as `row`.
fn add_dots<T: Scalar>(row: &[T], b: &[T], c: &mut [T]) {
    const LANES: usize = 32;
    vectorize(
        #[inline(always)]
        move || {
            let (x, x_rest) = row.as_chunks::<LANES>();
            for (c, b) in c.iter_mut().zip(b.chunks_exact(row.len())) {
                let (y, y_rest) = b.as_chunks::<LANES>();
                let mut lanes = [T::zero(); LANES];
                for (x, y) in x.iter().zip(y) {
                    for ((lane, &x), &y) in lanes.iter_mut().zip(x).zip(y) {
                        *lane += x * y;
                    }
                }
                let rest: T = x_rest.iter().zip(y_rest).map(|(&x, &y)| x * y).sum();
                *c += lanes.into_iter().sum::<T>() + rest;
            }
        },
    );
}

/// The address of C, for blocks that do not overlap.
#[derive(Clone, Copy)]
struct Address<T>(*mut T);

// SAFETY: the pointer is made from an exclusive borrow that outlives its use, and each thread
// writes only the elements of its own block.
unsafe impl<T: Send> Send for Address<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Address<T> {}

impl<T> Address<T> {
    fn at(self, offset: usize) -> *mut T {
        self.0.wrapping_add(offset)
    }
}
