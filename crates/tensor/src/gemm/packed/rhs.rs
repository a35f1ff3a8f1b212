//! A matrix as the right operand of many products.

use std::fmt;

use super::factor::{Accumulate, Factor, Strided};
use super::half::HalfPanels;
use super::multiply::few_rows_depth;
use super::product::{PackedProduct, Panels, SMALL_RHS};
use super::streamed::Streamed;
use super::strip::pack_panels;
use super::tile::{IN_PLACE_ROWS, Kernel};
use crate::cpu::simd::InstructionSet;
use crate::memory::pool::Buffer;
use crate::scalar::Scalar;
use crate::shape::{self, OrPanic, Transpose};
use crate::tensor::Tensor;

/// The most rows of a product that packs panels just before use. More are divided into pieces, each of which would
/// pack the same panels.
const STREAMED_ROWS: usize = 128;

/// A matrix `[K, N]` as the right operand of many products. It is packed once into panels, or [read in
/// place](Self::for_rows). Panels may be in [half precision](Self::in_half_precision).
pub struct PackedRhs<T> {
    extents: [usize; 2],
    set: InstructionSet,
    storage: Storage<T>,
}

/// Where the panels are.
enum Storage<T> {
    /// In a buffer, aligned to a cache line.
    Packed(Buffer<T>),
    /// In the matrix itself. Only the last panel is packed, if some of its columns are padding.
    InPlace { matrix: Tensor<T>, last: Buffer<T> },
    /// In numbers of half precision.
    Half(HalfPanels<T>),
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
        let last = unsafe { pack_panels(set, stored.from(0, n - ragged), [k, ragged]) };
        let storage = Storage::InPlace { matrix: matrix.clone(), last };
        Self { extents: [k, n], set, storage }
    }

    /// Returns a copy in [half precision](crate::HalfPrecision::F16): each element is rounded to eleven significant bits.
    /// Returns `None` if one of them would not be finite.
    ///
    /// The arithmetic of products stays that of `T`. A product of one row, or of more than three, has the bits of a
    /// product with the rounded matrix. Few rows profit most: their product takes as long as reading the matrix, which
    /// has half of the bytes of an `f32` matrix.
    ///
    /// ```
    /// # use bptt_tensor::{PackedRhs, Tensor};
    /// let matrix = Tensor::from_vec([2, 1], vec![0.5, 1.0 / 3.0]);
    /// let half = PackedRhs::new(&matrix, false).in_half_precision().expect("no number above 65504");
    /// let product = Tensor::from_vec([1, 2], vec![1.0, 3.0]).matmul_packed(&half);
    /// assert!((product.item() - 1.5_f32).abs() < 3e-4);
    /// ```
    #[must_use]
    pub fn in_half_precision(&self) -> Option<Self> {
        let extents @ [k, n] = self.extents;
        let panels = match &self.storage {
            Storage::Packed(buffer) => {
                let (width, elements) = (Kernel::<T>::of(self.set).width, buffer.as_slice());
                let place = |row, column| (column / width * k + row) * width + column % width;
                HalfPanels::new(self.set, extents, |row, column| elements[place(row, column)])?
            }
            Storage::InPlace { matrix, .. } => {
                let elements = matrix.as_slice();
                HalfPanels::new(self.set, extents, |row, column| elements[row * n + column])?
            }
            Storage::Half(panels) => panels.clone(),
        };
        Some(Self { extents, set: self.set, storage: Storage::Half(panels) })
    }

    /// `[K, N]`
    #[must_use]
    pub fn extents(&self) -> [usize; 2] {
        self.extents
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
        let storage = Storage::Packed(unsafe { pack_panels(set, matrix, extents) });
        Self { extents, set, storage }
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
            match self.product(&left) {
                Product::Panels(product) => product.whole(),
                Product::Streamed(product) => product.on_this_thread(),
                Product::Half(panels) => panels.multiply(&left),
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
            match self.product(&left) {
                Product::Panels(product) => product.on_threads(),
                Product::Streamed(product) => product.multiply(),
                Product::Half(panels) => panels.multiply_on_threads(&left),
            }
        }
    }

    /// A product with this matrix, which must outlive the product.
    fn product<'a>(&'a self, left: &'a Factor<T>) -> Product<'a, T> {
        let (set, [k, n]) = (self.set, self.extents);
        let kernel = Kernel::of(set);
        let panels = match &self.storage {
            Storage::Half(panels) => return Product::Half(panels),
            Storage::InPlace { matrix, .. } if left.rows > IN_PLACE_ROWS => {
                let lefts = std::slice::from_ref(left);
                let b = Strided { first: matrix.as_slice().as_ptr(), strides: [n, 1] };
                let depth = few_rows_depth(k);
                return Product::Streamed(Streamed { set, extents: [k, n], depth, lefts, b });
            }
            Storage::InPlace { matrix, last } => Panels {
                first: matrix.as_slice().as_ptr(),
                strides: [kernel.width, n],
                ragged: last.as_slice().as_ptr(),
            },
            Storage::Packed(buffer) => {
                Panels::packed(buffer.as_slice().as_ptr(), [k, n], kernel.width)
            }
        };
        Product::Panels(PackedProduct::new(kernel, [k, n], panels, *left))
    }
}

/// A way of computing a product.
enum Product<'a, T: 'static> {
    Panels(PackedProduct<T>),
    /// There are too many rows to read the panels in place, so they are packed just before use.
    Streamed(Streamed<'a, T>),
    Half(&'a HalfPanels<T>),
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
