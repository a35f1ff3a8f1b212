//! One product of matrices of any strides, by the kernel that suits its size.

use super::packed::{self, Accumulate, Factor, SMALL, Strided};
use super::thin::{add_dots, add_rows};
use crate::cpu::parallel::{THRESHOLD, for_each, for_pieces};
use crate::scalar::Scalar;

/// A matrix in a slice: element `[i, j]` is at `i · strides[0] + j · strides[1]`.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a, T> {
    pub(super) elements: &'a [T],
    pub(super) strides: [usize; 2],
}

impl<'a, T: Scalar> Matrix<'a, T> {
    /// A matrix stored row-major with this many columns, or its transpose.
    pub(super) fn new(elements: &'a [T], columns: usize, transposed: bool) -> Self {
        let matrix = Self { elements, strides: [columns, 1] };
        if transposed { matrix.transposed() } else { matrix }
    }

    fn transposed(self) -> Self {
        let [rows, columns] = self.strides;
        Self { strides: [columns, rows], ..self }
    }

    pub(super) fn strided(&self) -> Strided<T> {
        Strided { first: self.elements.as_ptr(), strides: self.strides }
    }

    /// The address of an element and the strides, in the form of BLAS.
    fn address(&self, row: usize, column: usize) -> (*const T, [isize; 2]) {
        let start = row * self.strides[0] + column * self.strides[1];
        (self.elements[start..].as_ptr(), self.strides.map(|stride| stride as isize))
    }
}

/// Whether a product of this many rows and columns packs its right operand by [`packed`].
pub(super) fn is_packed(rows: usize, columns: usize) -> bool {
    rows >= PACKED_ROWS && columns >= PACKED_COLUMNS
}

/// `C ← β C`
pub(super) fn scale<T: Scalar>(c: &mut [T], beta: T) {
    if beta == T::zero() {
        c.fill(beta);
    } else if beta != T::one() {
        c.iter_mut().for_each(|c| *c *= beta);
    }
}

/// `α A B + β C` for A `m×k`, B `k×n` and a row-major C `m×n`.
#[derive(Clone, Copy)]
pub(super) struct StridedProduct<'a, T> {
    pub(super) extents: [usize; 3],
    pub(super) alpha: T,
    pub(super) a: Matrix<'a, T>,
    pub(super) b: Matrix<'a, T>,
    pub(super) beta: T,
}

/// The most rows of a thin product, whose loops are faster than packing. Measured with `K×N =
/// 256×1024` in `f32`: 25 µs a row, against some 90 µs for one to four rows.
const THIN: usize = 3;

/// The fewest rows for [`packed`], which is then faster than `matrixmultiply` by a tenth to three
/// quarters. With fewer rows, both are equal, or packing a transposed operand costs more.
const PACKED_ROWS: usize = 96;

/// The fewest columns for [`packed`]: they fill most of a panel.
const PACKED_COLUMNS: usize = 24;

/// Columns that one thread computes in a thin product.
const THIN_COLUMNS: usize = 256;

/// Enough blocks to occupy the threads.
const BLOCKS: usize = 8;

impl<T: Scalar> StridedProduct<'_, T> {
    /// Computes the product by the kernel that suits its size.
    pub(super) fn choose(self, c: &mut [T]) {
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

    /// Computes the product on this thread.
    pub(super) fn on_this_thread(self, c: &mut [T]) {
        let [m, k, n] = self.extents;
        if m <= THIN && k * n < THRESHOLD {
            self.thin(c);
        } else if n == 1 && k * m < THRESHOLD {
            self.transposed().thin(c);
        } else {
            self.whole(c);
        }
    }

    /// Computes the product by `matrixmultiply`, on this thread.
    fn whole(&self, c: &mut [T]) {
        let [m, _, n] = self.extents;
        assert!(c.len() == m * n, "C has another size");
        // SAFETY: the block is the whole C, which is borrowed exclusively.
        unsafe { self.block(Address(c.as_mut_ptr()), [0, m], [0, n]) };
    }

    /// Computes a block of C: these rows and columns.
    ///
    /// # Safety
    ///
    /// C holds `m×n` elements, and no other thread uses those of the block.
    unsafe fn block(&self, c: Address<T>, rows: [usize; 2], columns: [usize; 2]) {
        let ([_, k, n], [i, j]) = (self.extents, [rows[0], columns[0]]);
        // SAFETY: A and B hold `m×k` and `k×n` elements at their strides; the caller's contract.
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
    }

    /// The product `Cᵀ = Bᵀ Aᵀ`. A C of one column has the memory layout of its transpose.
    fn transposed(self) -> Self {
        let [m, k, n] = self.extents;
        let (a, b) = (self.b.transposed(), self.a.transposed());
        Self { extents: [n, k, m], a, b, ..self }
    }

    /// Computes a product of many rows by [`packed`], any other in blocks of C by `matrixmultiply`.
    fn blocks(&self, c: &mut [T]) {
        let [m, k, n] = self.extents;
        let plain = self.alpha == T::one() && (self.beta == T::zero() || self.beta == T::one());
        if plain && is_packed(m, n) {
            let accumulate = if self.beta == T::zero() { Accumulate::Zero } else { Accumulate::C };
            let left = Factor { rows: m, a: self.a.strided(), accumulate, c: (c.as_mut_ptr(), n) };
            // SAFETY: A and B hold `m×k` and `k×n` elements at their strides, and C is borrowed
            // exclusively and holds `m×n`.
            return unsafe { packed::multiply([k, n], left, self.b.strided()) };
        }
        if m * k * n < SMALL {
            return self.whole(c);
        }
        let c = Address(c.as_mut_ptr());
        // Large blocks pack less; all edges are multiples of the tiles.
        let count = |edge: usize| m.div_ceil(edge) * n.div_ceil(edge);
        let edge = [512, 256].into_iter().find(|&edge| count(edge) >= BLOCKS).unwrap_or(128);
        for_each(count(edge), &|index| {
            let [i, j] = [index / n.div_ceil(edge), index % n.div_ceil(edge)].map(|i| i * edge);
            // SAFETY: C is borrowed exclusively, and no two blocks share an element of it.
            unsafe { self.block(c, [i, m.min(i + edge)], [j, n.min(j + edge)]) };
        });
    }

    /// Computes C row by row: as a sum of B's rows, or as scalar products with B's columns,
    /// whichever are contiguous.
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
                for_pieces(c, THIN_COLUMNS, &|i, c| columns(i * THIN_COLUMNS, c));
            }
        }
    }
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
