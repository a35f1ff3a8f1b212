//! Packing: copies parts of matrices in the order in which kernels read them.

use std::ops::Range;
use std::{array, slice};

use super::factor::Strided;
use super::tile::Kernel;
use crate::cpu::parallel::{THRESHOLD, for_pieces};
use crate::cpu::simd::{InstructionSet, LINE, prefetch};
use crate::memory::pool::Buffer;
use crate::scalar::Scalar;

/// The columns of a matrix that fill a panel or a tile, copied row by row.
pub(super) struct Strip<'a, T> {
    pub(super) columns: Range<usize>,
    /// Elements in a row. Those beyond the columns are zero.
    pub(super) width: usize,
    /// `[depth, width]`
    pub(super) elements: &'a mut [T],
}

/// Strips that are copied together, so that each row is read over several cache lines.
const TOGETHER: usize = 16;

/// Elements that are copied together.
const CHUNK: usize = 4;

/// Rows that are prefetched in advance. They lie too far apart for the hardware prefetcher.
const AHEAD: usize = 16;

/// Packs a matrix in memory into panels.
///
/// # Safety
///
/// The matrix must be readable at these extents.
pub(super) unsafe fn pack_panels<T: Scalar>(
    set: InstructionSet,
    matrix: Strided<T>,
    [k, n]: [usize; 2],
) -> Buffer<T> {
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
    buffer
}

/// Copies columns of a matrix to strips, on several threads if they are large.
///
/// # Safety
///
/// The strips' columns of `matrix` must be readable, as deep as the strips are.
pub(super) unsafe fn pack<T: Scalar>(matrix: Strided<T>, strips: &mut [Strip<'_, T>]) {
    let together = |strips: &mut [Strip<'_, T>]| {
        for strip in strips.iter_mut().filter(|strip| strip.columns.len() < strip.width) {
            strip.elements.fill(T::zero());
        }
        // SAFETY: the caller's contract.
        unsafe {
            match matrix.strides {
                [_, 1] => pack_rows(matrix, strips),
                _ => strips.iter_mut().for_each(|strip| pack_columns(matrix, strip)),
            }
        }
    };
    if strips.iter().map(|strip| strip.elements.len()).sum::<usize>() < THRESHOLD {
        strips.chunks_mut(TOGETHER).for_each(together);
    } else {
        for_pieces(strips, TOGETHER, &|_, strips| together(strips));
    }
}

/// Copies rows of contiguous elements.
///
/// # Safety
///
/// As for [`pack`].
unsafe fn pack_rows<T: Scalar>(matrix: Strided<T>, strips: &mut [Strip<'_, T>]) {
    let depth = strips.first().map_or(0, |strip| strip.elements.len() / strip.width);
    for k in 0..depth {
        for Strip { columns, width, elements } in &mut *strips {
            let first = matrix.from(k, columns.start).first;
            for line in (0..columns.len()).step_by(LINE / size_of::<T>()) {
                prefetch(matrix.from(k + AHEAD, columns.start + line).first);
            }
            // SAFETY: the caller's contract.
            let from = unsafe { slice::from_raw_parts(first, columns.len()) };
            let to = &mut elements[k * *width..][..from.len()];
            let ((to, to_rest), (from, from_rest)) =
                (to.as_chunks_mut::<CHUNK>(), from.as_chunks());
            to.iter_mut().zip(from).for_each(|(to, &from)| *to = from);
            to_rest.iter_mut().zip(from_rest).for_each(|(to, &from)| *to = from);
        }
    }
}

/// Copies elements at any strides, in square blocks if the columns are contiguous.
///
/// # Safety
///
/// As for [`pack`].
unsafe fn pack_columns<T: Scalar>(matrix: Strided<T>, strip: &mut Strip<'_, T>) {
    let used = strip.columns.len();
    let matrix = matrix.from(0, strip.columns.start);
    let squares = if matrix.strides[0] == 1 { used / CHUNK * CHUNK } else { 0 };
    for (block, rows) in strip.elements.chunks_mut(CHUNK * strip.width).enumerate() {
        let matrix = matrix.from(block * CHUNK, 0);
        let whole = if rows.len() == CHUNK * strip.width { squares } else { 0 };
        for j in (0..whole).step_by(CHUNK) {
            let square: [[T; CHUNK]; CHUNK] = array::from_fn(|column| {
                // SAFETY: the caller's contract; the column has as many elements from here on.
                unsafe { matrix.from(0, j + column).first.cast::<[T; CHUNK]>().read_unaligned() }
            });
            for (k, row) in rows.chunks_exact_mut(strip.width).enumerate() {
                row[j..][..CHUNK].copy_from_slice(&square.map(|column| column[k]));
            }
        }
        for (k, row) in rows.chunks_exact_mut(strip.width).enumerate() {
            for (j, x) in row[..used].iter_mut().enumerate().skip(whole) {
                // SAFETY: the caller's contract.
                *x = unsafe { matrix.from(k, j).first.read() };
            }
        }
    }
}
