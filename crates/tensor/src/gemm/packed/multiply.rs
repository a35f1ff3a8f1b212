//! Products that pack their right operand on the way, for this product alone.

use super::factor::{Factor, Strided};
use super::product::{BLOCK_DEPTH, PackedProduct, Panels};
use super::streamed::Streamed;
use super::strip::pack_panels;
use super::tile::Kernel;
use crate::cpu::simd::InstructionSet;
use crate::scalar::Scalar;

/// Columns of B that are packed at a time.
const BLOCK_COLUMNS: usize = 1 << 13;

/// `C ← accumulate + A B` for B of extents `[K, N]`, packing B block by block.
///
/// # Safety
///
/// A, B and the rows to accumulate must be readable, and C readable and writable, at these extents.
/// C must overlap none of them.
pub(crate) unsafe fn multiply<T: Scalar>([k, n]: [usize; 2], left: Factor<T>, b: Strided<T>) {
    if are_few::<T>(left.rows, k) {
        // SAFETY: the caller's contract.
        return unsafe { multiply_all([k, n], &[left], b) };
    }
    let set = InstructionSet::best();
    let kernel = Kernel::of(set);
    for column in (0..n).step_by(BLOCK_COLUMNS) {
        let columns = BLOCK_COLUMNS.min(n - column);
        for row in (0..k.max(1)).step_by(BLOCK_DEPTH) {
            let rows = BLOCK_DEPTH.min(k - row);
            let (left, extents) = (left.block(row, column), [rows, columns]);
            // SAFETY: the caller's contract; the block lies in B.
            unsafe {
                let packed = pack_panels(set, b.from(row, column), extents);
                let panels = Panels::packed(packed.as_slice().as_ptr(), extents, kernel.width);
                PackedProduct::new(kernel, extents, panels, left).gathered();
            }
        }
    }
}

/// Bytes of A that stay in the second-level cache while panels of B pass through it. Each panel is
/// packed just before use, and never leaves the cache.
const RESIDENT_A: usize = 3 << 19;

/// The depth of a block if there are several. A panel and a tile's part of A should stay in the
/// first-level cache.
const FEW_ROWS_DEPTH: usize = 640;

/// The most rows of a product that [`multiply_all`] suits. With more rows, writing C tile by tile
/// down the rows is faster than panel by panel.
const FEW_ROWS: usize = 768;

/// Whether [`multiply_all`] suits left operands of this many rows in total, and columns. It must
/// not read and write C more often than [`multiply`] would.
pub(crate) fn are_few<T>(rows: usize, columns: usize) -> bool {
    let depth = if columns <= BLOCK_DEPTH { columns } else { FEW_ROWS_DEPTH };
    rows <= FEW_ROWS && rows * depth * size_of::<T>() <= RESIDENT_A
}

/// `C ← accumulate + A B` for several A of few rows, so that a block of all of them stays in the
/// cache. The blocks differ from those of [`multiply`]. So a product of one row, which has two
/// partial sums, may have other bits.
///
/// # Safety
///
/// As for [`multiply`], for each A, and no two C overlap.
pub(crate) unsafe fn multiply_all<T: Scalar>(
    [k, n]: [usize; 2],
    lefts: &[Factor<T>],
    b: Strided<T>,
) {
    let (set, depth) = (InstructionSet::best(), few_rows_depth(k));
    // SAFETY: the caller's contract.
    unsafe { Streamed { set, extents: [k, n], depth, lefts, b }.multiply() };
}

/// The depth of the blocks of [`multiply_all`].
pub(super) fn few_rows_depth(k: usize) -> usize {
    let blocks = if k <= BLOCK_DEPTH { 1 } else { k.div_ceil(FEW_ROWS_DEPTH) };
    k.div_ceil(blocks).max(1)
}
