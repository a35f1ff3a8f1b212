//! A matrix packed once, as the right operand of many products.

use std::fmt;

use super::factor::{Accumulate, Factor, Strided};
use super::product::PackedProduct;
use super::strip::{Strip, pack};
use super::tile::Kernel;
use crate::cpu::simd::InstructionSet;
use crate::memory::pool::Buffer;
use crate::scalar::Scalar;
use crate::shape::{self, OrPanic, Transpose};
use crate::tensor::Tensor;

/// A matrix `[K, N]` packed once into panels, as the right operand of many products.
pub struct PackedRhs<T> {
    extents: [usize; 2],
    set: InstructionSet,
    /// The panels, aligned to a cache line.
    buffer: Buffer<T>,
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

    /// `[K, N]`
    #[must_use]
    pub fn extents(&self) -> [usize; 2] {
        self.extents
    }

    /// A product with this matrix, which must outlive the product.
    pub(super) fn product(&self, left: Factor<T>) -> PackedProduct<T> {
        PackedProduct::new(Kernel::of(self.set), self.extents, self.panels(), left)
    }

    /// The address of the first panel.
    fn panels(&self) -> *const T {
        self.buffer.as_slice().as_ptr()
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
        Self { extents: [k, n], set, buffer }
    }

    /// `C ← accumulate + A B` on this thread.
    ///
    /// # Safety
    ///
    /// A and the rows to accumulate must be readable, and C readable and writable, at the extents
    /// of the product. C must overlap neither.
    pub(crate) unsafe fn multiply(&self, left: Factor<T>) {
        // SAFETY: the caller's contract.
        unsafe { self.product(left).whole() }
    }

    /// Like [`multiply`](Self::multiply), on several threads.
    ///
    /// # Safety
    ///
    /// As for [`multiply`](Self::multiply).
    pub(crate) unsafe fn multiply_on_threads(&self, left: Factor<T>) {
        // SAFETY: the caller's contract.
        unsafe { self.product(left).on_threads() }
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
