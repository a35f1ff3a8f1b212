//! Packing: copies of parts of matrices in the order in which they will be read.

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
    for (k, row) in strip.chunks_exact_mut(width).enumerate() {
        let line = matrix.from(k, 0);
        for (j, x) in row[..used].iter_mut().enumerate() {
            // SAFETY: the caller's contract.
            *x = unsafe { line.from(0, j).first.read() };
        }
    }
}
