//! Matrix products whose right operand is packed.
//!
//! B is copied once into panels, as wide as two vector registers, which the innermost loop reads
//! from end to end: worth it for many products with one matrix (the steps of a sequence), or for
//! one product of many rows. A tile of C (some rows of a panel) is summed in registers over a
//! block of K at a time.
//!
//! Every element of C is summed over k in ascending order, starting from its start; only in
//! products of so few rows that a tile has one, two sums take the terms in turn. So the bits do
//! not depend on how C is divided.

mod product;
mod streamed;
mod strip;
#[cfg(test)]
mod tests;
mod tile;
mod vector;

use std::fmt;

use self::product::{BLOCK_DEPTH, Product};
use self::streamed::Streamed;
pub(crate) use self::strip::Strided;
use self::strip::{Strip, pack};
use self::tile::Kernel;
pub(crate) use self::vector::Registers;
use crate::pool::Buffer;
use crate::shape::{self, OrPanic, Transpose};
use crate::simd::InstructionSet;
use crate::{Scalar, Tensor};

/// A matrix `[K, N]` packed once in panels, for many products with it as the right operand.
pub struct PackedRhs<T> {
    extents: [usize; 2],
    set: InstructionSet,
    /// The panels, from the start of a cache line on.
    buffer: Buffer<T>,
}

/// What the sums of a product start from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Start<T> {
    Zero,
    /// Rows of N elements at a distance, which is 0 where every row starts from the same.
    Rows(*const T, usize),
    /// C itself.
    Accumulate,
}

/// The left operand of a product, and where the product goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Factor<T> {
    pub(crate) rows: usize,
    pub(crate) a: Strided<T>,
    pub(crate) start: Start<T>,
    /// The address of C, and the distance of its rows, which are contiguous.
    pub(crate) c: (*mut T, usize),
}

impl<T: Copy> Factor<T> {
    /// That of a block of B, which starts at this row and column.
    fn block(&self, row: usize, column: usize) -> Self {
        let c = (self.c.0.wrapping_add(column), self.c.1);
        Self { a: self.a.from(0, row), start: self.start.block(row, column), c, ..*self }
    }
}

impl<T: Scalar> PackedRhs<T> {
    /// Packs `matrix: [K, N]`, or with `transposed` the transpose of `matrix: [N, K]`.
    ///
    /// # Panics
    ///
    /// Unless the matrix has two axes.
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

    /// The address of the first panel.
    fn panels(&self) -> *const T {
        self.buffer.as_slice().as_ptr()
    }

    /// Packs for an instruction set, which this machine must have.
    #[track_caller]
    fn with(set: InstructionSet, matrix: &Tensor<T>, transposed: bool) -> Self {
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
    /// It must be readable at these extents.
    unsafe fn pack(set: InstructionSet, matrix: Strided<T>, [k, n]: [usize; 2]) -> Self {
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

    /// `C ← start + A B` on this thread.
    ///
    /// # Safety
    ///
    /// A and the start must be readable, and C readable and writable, at the extents of the product; C
    /// must overlap neither.
    pub(crate) unsafe fn multiply(&self, left: Factor<T>) {
        // SAFETY: the caller's contract.
        unsafe { Product::new(self, left).whole() }
    }

    /// Like [`multiply`](Self::multiply), on several threads.
    ///
    /// # Safety
    ///
    /// As of [`multiply`](Self::multiply).
    pub(crate) unsafe fn multiply_on_threads(&self, left: Factor<T>) {
        // SAFETY: the caller's contract.
        unsafe { Product::new(self, left).on_threads() }
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
    pub fn matmul_packed(&self, rhs: &PackedRhs<T>) -> Self {
        let [k, n] = rhs.extents;
        let shape = shape::matmul(self.shape(), &rhs.extents, Transpose::NONE).or_panic();
        Self::build(shape, |c| {
            let a = Strided { first: self.as_slice().as_ptr(), strides: [k, 1] };
            let rows = c.len() / n.max(1);
            let left = Factor { rows, a, start: Start::Zero, c: (c.as_mut_ptr(), n) };
            // SAFETY: the tensor holds A, and C is borrowed exclusively and has the product's shape.
            unsafe { rhs.multiply_on_threads(left) }
        })
    }
}

/// Columns of B that are packed at once on the way to one product.
const BLOCK_COLUMNS: usize = 1 << 13;

/// `C ← start + A B` for B of extents `[K, N]`, packing B on the way, block by block.
///
/// # Safety
///
/// A, B and the start must be readable, and C readable and writable, at these extents; C must
/// overlap none of them.
pub(crate) unsafe fn multiply<T: Scalar>([k, n]: [usize; 2], left: Factor<T>, b: Strided<T>) {
    if are_few::<T>(left.rows, k) {
        // SAFETY: the caller's contract.
        return unsafe { multiply_all([k, n], &[left], b) };
    }
    for column in (0..n).step_by(BLOCK_COLUMNS) {
        let columns = BLOCK_COLUMNS.min(n - column);
        for row in (0..k.max(1)).step_by(BLOCK_DEPTH) {
            let rows = BLOCK_DEPTH.min(k - row);
            let left = left.block(row, column);
            // SAFETY: the caller's contract; the block lies in B.
            unsafe {
                let block =
                    PackedRhs::pack(InstructionSet::best(), b.from(row, column), [rows, columns]);
                Product::new(&block, left).gathered();
            }
        }
    }
}

/// Bytes of A that stay in the second-level cache while panels of B pass, so that each is packed where it
/// is needed, and never leaves the cache.
const RESIDENT_A: usize = 3 << 19;

/// The depth of such a block of many: a panel and a tile's part of A should lie as near as they can.
const FEW_ROWS_DEPTH: usize = 640;

/// The most rows: of more, C is better written tile below tile than panel by panel.
const FEW_ROWS: usize = 768;

/// Whether [`multiply_all`] is the way for so many rows of A in all, and so many columns: it must not read
/// and write C more often than [`multiply`] would.
pub(crate) fn are_few<T>(rows: usize, columns: usize) -> bool {
    let depth = if columns <= BLOCK_DEPTH { columns } else { FEW_ROWS_DEPTH };
    rows <= FEW_ROWS && rows * depth * size_of::<T>() <= RESIDENT_A
}

/// `C ← start + A B` for each of some A, so few rows that a block of all of them stays in the cache. The blocks are
/// others than those of [`multiply`], so an A of a single row, whose terms two sums take in turn, may have
/// other bits.
///
/// # Safety
///
/// As of [`multiply`], for each; and no two C must overlap.
pub(crate) unsafe fn multiply_all<T: Scalar>(
    [k, n]: [usize; 2],
    lefts: &[Factor<T>],
    b: Strided<T>,
) {
    let blocks = if k <= BLOCK_DEPTH { 1 } else { k.div_ceil(FEW_ROWS_DEPTH) };
    let depth = k.div_ceil(blocks).max(1);
    let product = Streamed { set: InstructionSet::best(), extents: [k, n], depth, lefts, b };
    // SAFETY: the caller's contract.
    unsafe { product.multiply() };
}

impl<T> Start<T> {
    /// What the rows from `row` on start from.
    fn below(&self, row: usize) -> Self {
        match *self {
            Self::Rows(start, stride) => Self::Rows(start.wrapping_add(row * stride), stride),
            Self::Zero => Self::Zero,
            Self::Accumulate => Self::Accumulate,
        }
    }

    /// What a block of B starts from.
    fn block(&self, row: usize, column: usize) -> Self {
        match *self {
            _ if row > 0 => Self::Accumulate,
            Self::Rows(start, stride) => Self::Rows(start.wrapping_add(column), stride),
            Self::Zero => Self::Zero,
            Self::Accumulate => Self::Accumulate,
        }
    }
}

impl<T> fmt::Debug for PackedRhs<T> {
    /// Type and extents: `PackedRhs<f32> [2, 3]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PackedRhs<{}> {:?}", std::any::type_name::<T>(), self.extents)
    }
}
