//! Concatenation, slices and padding.

use std::borrow::Borrow;
use std::ops::{Range, RangeBounds};

use crate::cpu::parallel::{for_chunks, for_rows};
use crate::kernels::fold::around;
use crate::scalar::Scalar;
use crate::shape::{self, OrPanic, Shape, ShapeError};
use crate::tensor::Tensor;

impl<T: Scalar> Tensor<T> {
    /// Joins tensors along an axis. Their shapes may differ along this axis only.
    ///
    /// # Panics
    ///
    /// If there is no tensor, the axis does not exist, or other extents differ.
    #[track_caller]
    #[must_use]
    pub fn concat(tensors: &[impl Borrow<Self>], axis: isize) -> Self {
        let tensors: Vec<&Self> = tensors.iter().map(Borrow::borrow).collect();
        Self::concat_all(&tensors, axis)
    }

    #[track_caller]
    #[inline(never)]
    pub(crate) fn concat_all(tensors: &[&Self], axis: isize) -> Self {
        let shapes: Vec<&[usize]> = tensors.iter().map(|tensor| &tensor.shape()[..]).collect();
        let axis = match shapes.first() {
            Some(first) => shape::axis("concat", first, axis).or_panic(),
            None => 0, // `shape::concat` reports it
        };
        let shape = shape::concat(&shapes, axis).or_panic();
        let [_, _, inner] = around(&shape, axis..axis + 1);
        let row = shape[axis] * inner;
        Self::build(shape, |out| {
            let mut start = 0;
            for tensor in tensors {
                let width = tensor.shape()[axis] * inner;
                copy_columns(tensor.as_slice(), width, 0, out, row, start, width);
                start += width;
            }
        })
    }

    /// Joins tensors of one shape along a new axis, at position `axis` of the result.
    ///
    /// # Panics
    ///
    /// If there is no tensor, the shapes differ, or the axis is not one of the result's.
    #[track_caller]
    #[must_use]
    pub fn stack(tensors: &[impl Borrow<Self>], axis: isize) -> Self {
        let tensors: Vec<&Self> = tensors.iter().map(Borrow::borrow).collect();
        Self::stack_all(&tensors, axis)
    }

    #[track_caller]
    #[inline(never)]
    pub(crate) fn stack_all(tensors: &[&Self], axis: isize) -> Self {
        let shapes: Vec<&[usize]> = tensors.iter().map(|tensor| &tensor.shape()[..]).collect();
        let (shape, axis) = shape::stack(&shapes, axis).or_panic();
        let [_, n, inner] = around(&shape, axis..axis + 1);
        Self::build(shape, |out| {
            for (i, tensor) in tensors.iter().enumerate() {
                copy_columns(tensor.as_slice(), inner, 0, out, n * inner, i * inner, inner);
            }
        })
    }

    /// Divides an axis into `N` equal parts: `[B, 4H]` into four of `[B, H]`.
    ///
    /// ```
    /// use bptt_tensor::Tensor;
    /// let [even, odd] = Tensor::from([[0.0, 1.0], [2.0, 3.0]]).split(1);
    /// assert_eq!(odd, Tensor::from([[1.0], [3.0]]));
    /// # assert_eq!(even, Tensor::from([[0.0], [2.0]]));
    /// ```
    ///
    /// # Panics
    ///
    /// If the axis does not exist or does not divide.
    #[track_caller]
    #[must_use]
    pub fn split<const N: usize>(&self, axis: isize) -> [Self; N] {
        let axis = shape::axis("split", self.shape(), axis).or_panic();
        let extent = shape::split(self.shape(), axis, N).or_panic();
        std::array::from_fn(|i| self.part(axis, i * extent..(i + 1) * extent))
    }

    /// The part `range` of an axis, which may be open: `..k`, `k..` or `..`. Along axis 0 it shares
    /// the buffer.
    ///
    /// ```
    /// use bptt_tensor::Tensor;
    /// let x = Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    /// assert_eq!(x.slice(1, 1..), Tensor::from([[2.0, 3.0], [5.0, 6.0]]));
    /// ```
    ///
    /// # Panics
    ///
    /// If the axis does not exist or the range is not within it.
    #[track_caller]
    #[must_use]
    pub fn slice(&self, axis: isize, range: impl RangeBounds<usize>) -> Self {
        let axis = shape::axis("slice", self.shape(), axis).or_panic();
        let range = shape::range(&range, self.shape()[axis]);
        shape::slice(self.shape(), axis, &range).or_panic();
        self.part(axis, range)
    }

    /// The elements shifted cyclically along an axis, towards its end for a positive `shift`: element `i` of the result
    /// is element `i − shift`, modulo the extent, as in NumPy.
    ///
    /// ```
    /// use bptt_tensor::Tensor;
    /// let x = Tensor::from([1.0, 2.0, 3.0, 4.0]);
    /// assert_eq!(x.roll(1, 0), Tensor::from([4.0, 1.0, 2.0, 3.0]));
    /// ```
    ///
    /// # Panics
    ///
    /// If the axis does not exist.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn roll(&self, shift: isize, axis: isize) -> Self {
        let resolved = shape::axis("roll", self.shape(), axis).or_panic();
        match shape::first_after_roll(shift, self.shape()[resolved]) {
            0 => self.clone(),
            first => Self::concat(&[self.slice(axis, first..), self.slice(axis, ..first)], axis),
        }
    }

    #[inline(never)]
    pub(crate) fn part(&self, axis: usize, range: Range<usize>) -> Self {
        let [outer, n, inner] = around(self.shape(), axis..axis + 1);
        let shape = self.shape().with(axis, range.len());
        if outer == 1 {
            return self.window(range.start * inner, shape);
        }
        let (source, width) = (self.as_slice(), range.len() * inner);
        Self::build(shape, |out| {
            copy_columns(source, n * inner, range.start * inner, out, width, 0, width);
        })
    }

    /// Writes `part` over the entries of `axis` from `start` on.
    ///
    /// # Panics
    ///
    /// If the axis does not exist, `part` does not fit there, or other extents differ.
    #[track_caller]
    #[inline(never)]
    pub fn set_slice(&mut self, axis: isize, start: usize, part: &Self) {
        self.update_slice("set_slice", axis, start, part, |_, y| y).or_panic();
    }

    /// Adds `part` to the entries of `axis` from `start` on.
    ///
    /// # Panics
    ///
    /// If the axis does not exist, `part` does not fit there, or other extents differ.
    #[track_caller]
    #[inline(never)]
    pub fn add_slice(&mut self, axis: isize, start: usize, part: &Self) {
        self.update_slice("add_slice", axis, start, part, |x, y| x + y).or_panic();
    }

    /// Pads `part` with zeros to a shape. Along `axis`, the part lies at `start..`; the other
    /// extents are equal.
    ///
    /// ```
    /// use bptt_tensor::Tensor;
    /// let padded = Tensor::padded([4], 0, 1, &Tensor::from([5.0, 6.0]));
    /// assert_eq!(padded, Tensor::from([0.0, 5.0, 6.0, 0.0]));
    /// ```
    ///
    /// # Panics
    ///
    /// If the axis does not exist, `part` does not fit there, or other extents differ.
    #[track_caller]
    #[must_use]
    pub fn padded(shape: impl Into<Shape>, axis: isize, start: usize, part: &Self) -> Self {
        Self::pad(shape.into(), axis, start, part)
    }

    #[track_caller]
    #[inline(never)]
    pub(crate) fn pad(shape: Shape, axis: isize, start: usize, part: &Self) -> Self {
        let resolved = shape::axis("padded", &shape, axis).or_panic();
        shape::write_slice("padded", &shape, resolved, start, part.shape()).or_panic();
        let [outer, _, inner] = around(&shape, resolved..resolved + 1);
        if outer != 1 {
            let mut whole = Self::zeros(shape);
            whole.add_slice(axis, start, part);
            return whole;
        }
        let (source, first) = (part.as_slice(), start * inner);
        Self::build(shape, |out| {
            let (before, rest) = out.split_at_mut(first);
            let (middle, after) = rest.split_at_mut(source.len());
            before.fill(T::zero());
            after.fill(T::zero());
            for_chunks(middle, &|at, out| out.copy_from_slice(&source[at..][..out.len()]));
        })
    }

    fn update_slice(
        &mut self,
        operation: &'static str,
        axis: isize,
        start: usize,
        part: &Self,
        f: impl Fn(T, T) -> T + Sync,
    ) -> Result<(), ShapeError> {
        let axis = shape::axis(operation, self.shape(), axis)?;
        shape::write_slice(operation, self.shape(), axis, start, part.shape())?;
        let [_, n, inner] = around(self.shape(), axis..axis + 1);
        let (row, start, width) = (n * inner, start * inner, part.shape()[axis] * inner);
        if width == 0 {
            return Ok(());
        }
        let source = part.as_slice();
        if part.len() == width {
            // the part is contiguous in memory
            for_chunks(&mut self.as_mut_slice()[start..start + width], &|first, out| {
                for (x, &y) in out.iter_mut().zip(&source[first..]) {
                    *x = f(*x, y);
                }
            });
        } else {
            for_rows(self.as_mut_slice(), row, width, &|first, out| {
                let source = source[first * width..].chunks_exact(width);
                for (out, source) in out.chunks_exact_mut(row).zip(source) {
                    for (x, &y) in out[start..start + width].iter_mut().zip(source) {
                        *x = f(*x, y);
                    }
                }
            });
        }
        Ok(())
    }
}

/// Copies `width` columns of row-major matrices: from column `from` of `source`, whose rows have
/// `source_width` elements, to column `to` of `out`, whose rows have `out_width`.
fn copy_columns<T: Scalar>(
    source: &[T],
    source_width: usize,
    from: usize,
    out: &mut [T],
    out_width: usize,
    to: usize,
    width: usize,
) {
    if width == 0 {
        return;
    }
    for_rows(out, out_width, width, &|first, out| {
        let source = source[first * source_width..].chunks_exact(source_width);
        for (out, source) in out.chunks_exact_mut(out_width).zip(source) {
            out[to..to + width].copy_from_slice(&source[from..from + width]);
        }
    });
}
