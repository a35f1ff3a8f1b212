//! Permutation and transposition of axes, by copying.

use smallvec::SmallVec;

use crate::cpu::parallel::for_rows;
use crate::kernels::loops::{Loop, Loops};
use crate::scalar::Scalar;
use crate::shape::{self, OrPanic};
use crate::tensor::Tensor;

impl<T: Scalar> Tensor<T> {
    /// The axes in another order: axis `i` of the result is axis `order[i]` of this tensor.
    ///
    /// # Panics
    ///
    /// If `order` does not name each axis once.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn permute(&self, order: &[usize]) -> Self {
        let shape = shape::permute(self.shape(), order).or_panic();
        if self.is_empty() || order.is_sorted() {
            return self.reshape(shape);
        }
        let mut strides: SmallVec<[usize; 4]> = SmallVec::from_elem(1, self.rank());
        for axis in (1..self.rank()).rev() {
            strides[axis - 1] = strides[axis] * self.shape()[axis];
        }
        let mut loops = Loops::new();
        for (&extent, &axis) in shape.iter().zip(order) {
            loops.push(Loop { extent, strides: [strides[axis]] });
        }
        let row = loops.pop();
        let source = self.as_slice();
        Self::build(shape, |out| {
            let group = BLOCK * row.extent;
            for_rows(out, group, group, &|first, out| {
                for (i, out) in out.chunks_mut(group).enumerate() {
                    copy_rows(source, &loops, row, (first + i) * BLOCK, out);
                }
            });
        })
    }

    /// Swaps two axes.
    ///
    /// # Panics
    ///
    /// If an axis does not exist.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn transpose(&self, a: isize, b: isize) -> Self {
        let a = shape::axis("transpose", self.shape(), a).or_panic();
        let b = shape::axis("transpose", self.shape(), b).or_panic();
        let mut order: SmallVec<[usize; 4]> = (0..self.rank()).collect();
        order.swap(a, b);
        self.permute(&order)
    }
}

/// Rows that are written together: as many as a cache line has elements.
const BLOCK: usize = 16;

/// Writes up to [`BLOCK`] rows of the output, starting with row `first`.
fn copy_rows<T: Scalar>(
    source: &[T],
    loops: &Loops<1>,
    Loop { extent, strides: [stride] }: Loop<1>,
    first: usize,
    out: &mut [T],
) {
    let mut offsets = [0; BLOCK];
    let mut rest = offsets.iter_mut();
    loops.for_each(first..first + out.len() / extent, |[offset]| {
        if let Some(next) = rest.next() {
            *next = offset;
        }
    });
    if stride == 1 {
        for (out, offset) in out.chunks_exact_mut(extent).zip(offsets) {
            out.copy_from_slice(&source[offset..][..extent]);
        }
    } else if (0..BLOCK).all(|i| offsets[i] == offsets[0] + i) {
        transpose_block(&source[offsets[0]..], stride, extent, out);
    } else {
        for (out, offset) in out.chunks_exact_mut(extent).zip(offsets) {
            for (out, &x) in out.iter_mut().zip(source[offset..].iter().step_by(stride)) {
                *out = x;
            }
        }
    }
}

/// Writes `out: [BLOCK, extent]`, the transpose of the first `BLOCK` columns of `source`, whose
/// rows are `stride` apart. Whole cache lines pass through a tile, so that each is read once.
fn transpose_block<T: Scalar>(source: &[T], stride: usize, extent: usize, out: &mut [T]) {
    let mut tile = [[T::zero(); BLOCK]; BLOCK];
    for start in (0..extent).step_by(BLOCK) {
        let columns = start..extent.min(start + BLOCK);
        for (tile, i) in tile.iter_mut().zip(columns.clone()) {
            tile.copy_from_slice(&source[i * stride..][..BLOCK]);
        }
        for (row, out) in out.chunks_exact_mut(extent).enumerate() {
            for (out, tile) in out[columns.clone()].iter_mut().zip(&tile) {
                *out = tile[row];
            }
        }
    }
}
