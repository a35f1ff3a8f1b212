//! Packing: copies of parts of matrices in the order in which they will be read.

use std::ops::Range;
use std::slice;

use rayon::prelude::*;

use crate::Scalar;
use crate::parallel::THRESHOLD;

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

/// Columns of a matrix, as many as fill a panel or a tile, in the order in which they are read: row
/// by row.
pub(super) struct Strip<'a, T> {
    pub(super) columns: Range<usize>,
    /// Elements in a row, of which those beyond the columns are zero.
    pub(super) width: usize,
    /// `[depth, width]`
    pub(super) elements: &'a mut [T],
}

/// Strips that are copied together, so that what is read of a row reaches over several cache lines.
const TOGETHER: usize = 8;

/// Elements that are copied at once.
const CHUNK: usize = 4;

/// Copies all columns of a matrix, on several threads if it is large.
///
/// # Safety
///
/// `matrix` must be readable in the strips' columns as deep as they are.
pub(super) unsafe fn pack<T: Scalar>(matrix: Strided<T>, strips: &mut [Strip<'_, T>]) {
    let together = |strips: &mut [Strip<'_, T>]| {
        // SAFETY: the caller's contract.
        unsafe {
            match matrix.strides {
                [_, 1] => pack_rows(matrix, strips),
                _ => strips.iter_mut().for_each(|strip| pack_elements(matrix, strip)),
            }
        }
    };
    if strips.iter().map(|strip| strip.elements.len()).sum::<usize>() < THRESHOLD {
        strips.chunks_mut(TOGETHER).for_each(together);
    } else {
        strips.par_chunks_mut(TOGETHER).for_each(together);
    }
}

/// Copies rows of contiguous elements.
///
/// # Safety
///
/// As of [`pack`].
unsafe fn pack_rows<T: Scalar>(matrix: Strided<T>, strips: &mut [Strip<'_, T>]) {
    let depth = strips.first().map_or(0, |strip| strip.elements.len() / strip.width);
    for k in 0..depth {
        for Strip { columns, width, elements } in &mut *strips {
            let first = matrix.from(k, columns.start).first;
            // SAFETY: the caller's contract.
            let from = unsafe { slice::from_raw_parts(first, columns.len()) };
            let (to, beyond) = elements[k * *width..][..*width].split_at_mut(from.len());
            let ((to, to_rest), (from, from_rest)) =
                (to.as_chunks_mut::<CHUNK>(), from.as_chunks());
            to.iter_mut().zip(from).for_each(|(to, &from)| *to = from);
            to_rest.iter_mut().zip(from_rest).for_each(|(to, &from)| *to = from);
            beyond.fill(T::zero());
        }
    }
}

/// Copies elements at any distances.
///
/// # Safety
///
/// As of [`pack`].
unsafe fn pack_elements<T: Scalar>(matrix: Strided<T>, strip: &mut Strip<'_, T>) {
    let used = strip.columns.len();
    for (k, row) in strip.elements.chunks_exact_mut(strip.width).enumerate() {
        let line = matrix.from(k, strip.columns.start);
        for (j, x) in row[..used].iter_mut().enumerate() {
            // SAFETY: the caller's contract.
            *x = unsafe { line.from(0, j).first.read() };
        }
        row[used..].fill(T::zero());
    }
}
