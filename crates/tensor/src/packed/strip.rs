//! Packing: copies of parts of matrices in the order in which they will be read.

use super::vector::prefetch;
use crate::Scalar;

/// Elements at an address: `[i, j]` is at `i · strides[0] + j · strides[1]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strided<T> {
    pub(super) first: *const T,
    pub(super) strides: [usize; 2],
}

// SAFETY: an address, read only where its owner vouches for it.
unsafe impl<T: Sync> Sync for Strided<T> {}

impl<T: Copy> Strided<T> {
    /// The elements from `[i, j]` on. Computes an address, of which nobody need ever read.
    pub(super) fn from(self, i: usize, j: usize) -> Self {
        let offset = i * self.strides[0] + j * self.strides[1];
        Self { first: self.first.wrapping_add(offset), ..self }
    }

    pub(super) fn transposed(self) -> Self {
        let [i, j] = self.strides;
        Self { strides: [j, i], ..self }
    }
}

/// Elements that are copied at once.
const CHUNK: usize = 8;

/// Rows that are fetched ahead: each may lie in a page of its own, where the processor does not
/// follow by itself.
const AHEAD: usize = 16;

/// Copies `matrix: [depth, used]` to `strip: [depth, width]`, and fills up its rows with zeros.
///
/// # Safety
///
/// `matrix` must be readable at these extents.
pub(super) unsafe fn pack<T: Scalar>(
    matrix: Strided<T>,
    used: usize,
    width: usize,
    strip: &mut [T],
) {
    if used < width {
        strip.fill(T::zero());
    }
    match matrix.strides {
        // SAFETY: the caller's contract.
        [_, 1] => unsafe { pack_rows(matrix, used, width, strip) },
        // SAFETY: the caller's contract.
        _ => unsafe { pack_columns(matrix, used, width, strip) },
    }
}

/// Rows of consecutive elements.
///
/// # Safety
///
/// As of [`pack`].
unsafe fn pack_rows<T: Scalar>(matrix: Strided<T>, used: usize, width: usize, strip: &mut [T]) {
    for (k, row) in strip.chunks_exact_mut(width).enumerate() {
        let ahead = matrix.from(k + AHEAD, 0);
        prefetch(ahead.first);
        prefetch(ahead.from(0, used - 1).first);
        // SAFETY: the caller's contract.
        let line = unsafe { std::slice::from_raw_parts(matrix.from(k, 0).first, used) };
        let ((to, to_rest), (from, from_rest)) = (row[..used].as_chunks_mut::<CHUNK>(), line.as_chunks());
        for (to, from) in to.iter_mut().zip(from) {
            *to = *from;
        }
        to_rest.copy_from_slice(from_rest);
    }
}

/// Elements at any distances, `CHUNK` rows at once.
///
/// # Safety
///
/// As of [`pack`].
unsafe fn pack_columns<T: Scalar>(matrix: Strided<T>, used: usize, width: usize, strip: &mut [T]) {
    for (block, rows) in strip.chunks_mut(16 * width).enumerate() {
        let depth = rows.len() / width;
        for j in 0..used {
            let column = matrix.from(block * 16, j);
            for k in 0..depth {
                // SAFETY: the caller's contract.
                rows[k * width + j] = unsafe { column.from(k, 0).first.read() };
            }
        }
    }
}
