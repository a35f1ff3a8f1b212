//! Products whose right operand is packed during the product, for this product alone.

use super::factor::{Factor, Strided};
use super::product::BLOCK_DEPTH;
use super::rhs::PackedRhs;
use super::streamed::Streamed;
use crate::cpu::simd::InstructionSet;
use crate::scalar::Scalar;

/// Columns of B that are packed at a time.
const BLOCK_COLUMNS: usize = 1 << 13;

/// `C ← start + A B` for B of extents `[K, N]`, packing B block by block.
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
                block.product(left).gathered();
            }
        }
    }
}

/// Bytes of A that stay in the second-level cache while panels of B pass. Each panel is then packed
/// just before use and never leaves the cache.
const RESIDENT_A: usize = 3 << 19;

/// The depth of a block if there are several: a panel and a tile's part of A should stay in the
/// nearest cache.
const FEW_ROWS_DEPTH: usize = 640;

/// The most rows of such a product. With more, writing C tile below tile is faster than panel by
/// panel.
const FEW_ROWS: usize = 768;

/// Whether [`multiply_all`] suits this many rows of A in all, and columns: it must not read and
/// write C more often than [`multiply`] would.
pub(crate) fn are_few<T>(rows: usize, columns: usize) -> bool {
    let depth = if columns <= BLOCK_DEPTH { columns } else { FEW_ROWS_DEPTH };
    rows <= FEW_ROWS && rows * depth * size_of::<T>() <= RESIDENT_A
}

/// `C ← start + A B` for several A, with so few rows that a block of them all stays in the cache.
/// The blocks differ from those of [`multiply`], so a product of one row, whose terms two sums take
/// in turn, may have other bits.
///
/// # Safety
///
/// As for [`multiply`], for each A; and no two C overlap.
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
