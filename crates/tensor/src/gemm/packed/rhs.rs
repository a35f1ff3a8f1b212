//! A matrix as the right operand of many products.

use std::fmt;

use super::factor::{Accumulate, Factor, Strided};
use super::multiply::few_rows_depth;
use super::product::{PackedProduct, Panels, SMALL_RHS};
use super::streamed::Streamed;
use super::strip::{Strip, pack};
use super::tile::{IN_PLACE_ROWS, Kernel};
use crate::cpu::simd::InstructionSet;
use crate::memory::pool::Buffer;
use crate::scalar::Scalar;
use crate::shape::{self, OrPanic, Transpose};
use crate::tensor::Tensor;

/// The most rows of a product that packs panels just before use. More are divided into pieces, each of which would
/// pack the same panels.
const STREAMED_ROWS: usize = 128;

/// A matrix `[K, N]` as the right operand of many products: packed once into panels, or [read in
/// place](Self::for_rows).
pub struct PackedRhs<T> {
    extents: [usize; 2],
    set: InstructionSet,
    /// The packed panels, aligned to a cache line.
    buffer: Buffer<T>,
    /// The matrix, if its panels are read in place. Only the last one is then packed, if some of its columns are
    /// padding.
    in_place: Option<Tensor<T>>,
}

impl<T: Scalar> PackedRhs<T> {
    /// Packs `matrix: [K, N]`, or with `transposed` the transpose of `matrix: [N, K]`.
    ///
    /// # Panics
    ///
    /// If the matrix does not have two axes.
    #[track_caller]
    #[must_use]
    pub fn new(matrix: &Tensor<T>, transposed: bool) -> Self {
        Self::with(InstructionSet::best(), matrix, transposed)
    }

    /// Prepares `matrix: [K, N]`, or with `transposed` the transpose of `matrix: [N, K]`, for products of this many
    /// rows.
    ///
    /// A product of few rows reads each element once. So it reads a large matrix in place, and shares its memory,
    /// unless the matrix is transposed. The products have the same bits as with [`new`](Self::new).
    ///
    /// # Panics
    ///
    /// If the matrix does not have two axes.
    #[track_caller]
    #[must_use]
    pub fn for_rows(rows: usize, matrix: &Tensor<T>, transposed: bool) -> Self {
        match matrix.shape()[..] {
            [k, n] if rows <= IN_PLACE_ROWS && k * n >= SMALL_RHS && !transposed => {
                Self::in_place(InstructionSet::best(), matrix, [k, n])
            }
            _ => Self::new(matrix, transposed),
        }
    }

    /// Prepares the matrix as [`new`](Self::new) does, for a single product of this many rows in all.
    ///
    /// With up to 128 rows, a large matrix is not packed in advance, unless it is transposed. The product packs each panel
    /// just before it is used, and up to 3 rows read the panels in place. The products have the same bits as with `new`.
    ///
    /// # Panics
    ///
    /// If the matrix does not have two axes.
    #[track_caller]
    #[must_use]
    pub fn for_one_product(rows: usize, matrix: &Tensor<T>, transposed: bool) -> Self {
        let rows = if rows <= STREAMED_ROWS { rows.min(IN_PLACE_ROWS) } else { rows };
        Self::for_rows(rows, matrix, transposed)
    }

    /// A matrix `[K, N]` whose panels are read in place, for an instruction set that this machine must support.
    pub(super) fn in_place(set: InstructionSet, matrix: &Tensor<T>, [k, n]: [usize; 2]) -> Self {
        let ragged = n % Kernel::<T>::of(set).width;
        let stored = Strided { first: matrix.as_slice().as_ptr(), strides: [n, 1] };
        // SAFETY: the tensor holds the matrix.
        let last = unsafe { Self::pack(set, stored.from(0, n - ragged), [k, ragged]) };
        Self { extents: [k, n], in_place: Some(matrix.clone()), ..last }
    }

    /// `[K, N]`
    #[must_use]
    pub fn extents(&self) -> [usize; 2] {
        self.extents
    }

    /// A product with this matrix, which must outlive the product.
    pub(super) fn product(&self, left: Factor<T>) -> PackedProduct<T> {
        let kernel = Kernel::of(self.set);
        PackedProduct::new(kernel, self.extents, self.panels(kernel.width), left)
    }

    fn panels(&self, width: usize) -> Panels<T> {
        let packed = self.buffer.as_slice().as_ptr();
        match &self.in_place {
            None => Panels::packed(packed, self.extents, width),
            Some(matrix) => Panels {
                first: matrix.as_slice().as_ptr(),
                strides: [width, self.extents[1]],
                ragged: packed,
            },
        }
    }

    /// Packs for an instruction set, which this machine must support.
    #[track_caller]
    #[inline(never)]
    pub(super) fn with(set: InstructionSet, matrix: &Tensor<T>, transposed: bool) -> Self {
        let &[rows, columns] = &matrix.shape()[..] else {
            panic!("PackedRhs of {}: needs a matrix; reshape to two axes first", matrix.shape());
        };
        let stored = Strided { first: matrix.as_slice().as_ptr(), strides: [columns, 1] };
        let (matrix, extents) = match transposed {
            true => (stored.transposed(), [columns, rows]),
            false => (stored, [rows, columns]),
        };
        // SAFETY: the tensor holds the matrix.
        unsafe { Self::pack(set, matrix, extents) }
    }

    /// Packs a matrix in memory.
    ///
    /// # Safety
    ///
    /// The matrix must be readable at these extents.
    pub(super) unsafe fn pack(set: InstructionSet, matrix: Strided<T>, [k, n]: [usize; 2]) -> Self {
        let width = Kernel::<T>::of(set).width;
        let panel_len = k * width;
        let len = n.div_ceil(width) * panel_len;
        let mut buffer = Buffer::take(len);
        let panels = &mut buffer.as_mut_slice().expect("a new buffer has one owner")[..len];
        let columns = (0..n).step_by(width).map(|column| column..n.min(column + width));
        let mut strips: Vec<_> = columns
            .zip(panels.chunks_exact_mut(panel_len.max(1)))
            .map(|(columns, elements)| Strip { columns, width, elements })
            .collect();
        // SAFETY: the caller's contract; the strips are as deep as the matrix.
        unsafe { pack(matrix, &mut strips) };
        Self { extents: [k, n], set, buffer, in_place: None }
    }

    /// `C ← accumulate + A B` on this thread.
    ///
    /// # Safety
    ///
    /// A and the rows to accumulate must be readable, and C readable and writable, at the extents
    /// of the product. C must overlap neither.
    pub(crate) unsafe fn multiply(&self, left: Factor<T>) {
        // SAFETY: the caller's contract.
        unsafe {
            match self.streamed(&left) {
                Some(product) => product.on_this_thread(),
                None => self.product(left).whole(),
            }
        }
    }

    /// Like [`multiply`](Self::multiply), on several threads.
    ///
    /// # Safety
    ///
    /// As for [`multiply`](Self::multiply).
    pub(crate) unsafe fn multiply_on_threads(&self, left: Factor<T>) {
        // SAFETY: the caller's contract.
        unsafe {
            match self.streamed(&left) {
                Some(product) => product.multiply(),
                None => self.product(left).on_threads(),
            }
        }
    }

    /// The product that packs panels just before use, if there are too many rows to read them in place.
    fn streamed<'a>(&self, left: &'a Factor<T>) -> Option<Streamed<'a, T>> {
        let matrix = self.in_place.as_ref().filter(|_| left.rows > IN_PLACE_ROWS)?;
        let lefts = std::slice::from_ref(left);
        let [k, n] = self.extents;
        let b = Strided { first: matrix.as_slice().as_ptr(), strides: [n, 1] };
        Some(Streamed { set: self.set, extents: [k, n], depth: few_rows_depth(k), lefts, b })
    }
}

impl<T: Scalar> Tensor<T> {
    /// The matrix product `[.., K] · [K, N]` = `[.., N]` with a packed matrix.
    ///
    /// # Panics
    ///
    /// If the contracted extents differ.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn matmul_packed(&self, rhs: &PackedRhs<T>) -> Self {
        let [k, n] = rhs.extents;
        let shape = shape::matmul(self.shape(), &rhs.extents, Transpose::NONE).or_panic();
        Self::build(shape, |c| {
            let a = Strided { first: self.as_slice().as_ptr(), strides: [k, 1] };
            let rows = c.len() / n.max(1);
            let left = Factor { rows, a, accumulate: Accumulate::Zero, c: (c.as_mut_ptr(), n) };
            // SAFETY: the tensor holds A, and C is borrowed exclusively and has the product's shape.
            unsafe { rhs.multiply_on_threads(left) }
        })
    }
}

impl<T> fmt::Debug for PackedRhs<T> {
    /// Type and extents: `PackedRhs<f32> [2, 3]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PackedRhs<{}> {:?}", std::any::type_name::<T>(), self.extents)
    }
}
