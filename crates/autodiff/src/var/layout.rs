//! Operations that change shapes and move elements.

use std::ops::RangeBounds;

use bptt_tensor::shape::{self, OrPanic};
use bptt_tensor::{Scalar, Shape};

use crate::tape::primitive::{
    BroadcastTo, Concat, GatherRows, Permute, Reshape, ScatterRows, Slice, SumTo,
};
use crate::tape::{Op, Operand, Var};

/// Layout.
impl<'t, T: Scalar> Var<'t, T> {
    /// The same elements in another shape.
    #[track_caller]
    #[must_use]
    pub fn reshape(self, shape: impl Into<Shape>) -> Self {
        self.unary(Op::Reshape(Reshape(shape.into()[..].into())))
    }

    /// Broadcasts to `shape`, as in NumPy.
    #[track_caller]
    #[must_use]
    pub fn broadcast_to(self, shape: impl Into<Shape>) -> Self {
        self.unary(Op::BroadcastTo(BroadcastTo(shape.into()[..].into())))
    }

    /// Sums over the axes that a broadcast from `shape` would stretch: the transpose of
    /// [`broadcast_to`](Self::broadcast_to).
    #[track_caller]
    #[must_use]
    pub fn sum_to(self, shape: impl Into<Shape>) -> Self {
        self.unary(Op::SumTo(SumTo(shape.into()[..].into())))
    }

    /// The axes in another order: axis `i` of the result is axis `order[i]`.
    #[track_caller]
    #[must_use]
    pub fn permute(self, order: &[usize]) -> Self {
        self.unary(Op::Permute(Permute(order.into())))
    }

    /// Swaps two axes. Matrix products need no transposed copies: see [`matmul_t`](Self::matmul_t).
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn transpose(self, a: isize, b: isize) -> Self {
        let (a, b) = (self.axis("transpose", a), self.axis("transpose", b));
        let mut order: Vec<usize> = (0..self.shape().len()).collect();
        order.swap(a, b);
        self.permute(&order)
    }

    /// The slice `range` of one axis. The range may be open: `..k`, `k..` or `..`.
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_tensor::Tensor;
    /// # let tape = Tape::<f64>::new();
    /// let x = tape.constant(Tensor::from([1.0, 2.0, 3.0]));
    /// let differences = x.slice(0, 1..) - x.slice(0, ..2);
    /// assert_eq!(differences.value().to_vec(), [1.0, 1.0]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn slice(self, axis: isize, range: impl RangeBounds<usize>) -> Self {
        let axis = self.axis("slice", axis);
        let range = shape::range(&range, self.shape()[axis]);
        self.unary(Op::Slice(Slice { axis, range }))
    }

    /// The elements shifted cyclically along an axis, towards its end for a positive `shift`: element `i` of the result
    /// is element `i − shift`, modulo the extent, as in NumPy. It is the concatenation of two slices, and its transpose
    /// is the roll by `−shift`.
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_tensor::Tensor;
    /// # let tape = Tape::<f64>::new();
    /// let x = tape.constant(Tensor::from([1.0, 2.0, 3.0, 4.0]));
    /// assert_eq!(x.roll(1, 0).value().to_vec(), [4.0, 1.0, 2.0, 3.0]);
    /// ```
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn roll(self, shift: isize, axis: isize) -> Self {
        let resolved = self.axis("roll", axis);
        match shape::first_after_roll(shift, self.shape()[resolved]) {
            0 => self,
            first => Self::concat(&[self.slice(axis, first..), self.slice(axis, ..first)], axis),
        }
    }

    /// Entry `index` of axis 0, without that axis: time step `[B, F]` of a sequence `[T, B, F]`.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn index_first(self, index: usize) -> Self {
        let axis = self.axis("index_first", 0);
        let entry = self.slice(0, index..index + 1);
        entry.reshape(entry.shape().without(axis))
    }

    /// Divides an axis into `N` equal parts: `let [i, f, c, o] = z.split(-1)` are the gates of a
    /// fused product.
    ///
    /// # Panics
    ///
    /// If the axis does not exist or does not divide.
    #[track_caller]
    #[must_use]
    pub fn split<const N: usize>(self, axis: isize) -> [Self; N] {
        let axis = self.axis("split", axis);
        let part = shape::split(&self.shape(), axis, N).or_panic();
        let mut parts = [self; N];
        for (i, slot) in parts.iter_mut().enumerate() {
            // not `array::from_fn`: a closure would hide the caller's line
            *slot = self.slice(axis as isize, i * part..(i + 1) * part);
        }
        parts
    }

    /// Concatenates variables along an axis.
    ///
    /// # Panics
    ///
    /// If there are no parts, the axis does not exist, or other extents differ.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn concat(parts: &[Self], axis: isize) -> Self {
        let Some(first) = parts.first() else { panic!("concat needs at least one operand") };
        let axis = first.axis("concat", axis);
        let mut operands = Vec::with_capacity(parts.len());
        for part in parts {
            operands.push(part.on(first.tape));
        }
        first.tape.record(Op::Concat(Concat { axis }), &operands)
    }

    /// Joins variables of one shape along a new axis, at position `axis` of the result. Along axis
    /// 0, the steps `[B, F]` of a sequence become `[T, B, F]`.
    ///
    /// # Panics
    ///
    /// If there are no parts, their shapes differ, or the axis is not one of the result's.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn stack(parts: &[Self], axis: isize) -> Self {
        let shapes: Vec<Shape> = parts.iter().map(|part| part.shape()).collect();
        let shapes: Vec<&[usize]> = shapes.iter().map(|shape| &shape[..]).collect();
        let (shape, axis) = shape::stack(&shapes, axis).or_panic();
        let entry = shape.with(axis, 1);
        let mut entries = Vec::with_capacity(parts.len());
        for part in parts {
            entries.push(part.reshape(&entry));
        }
        Self::concat(&entries, axis as isize)
    }

    /// Gathers rows by index: `[N, ..]` becomes `[indices.len(), ..]`. The gradients of a repeated
    /// index add up.
    #[track_caller]
    #[must_use]
    pub fn gather_rows(self, indices: &[usize]) -> Self {
        self.unary(Op::GatherRows(GatherRows(indices.into())))
    }

    /// The transpose of [`gather_rows`](Self::gather_rows): row `i` is added to row `indices[i]`
    /// of a tensor with `rows` rows.
    #[track_caller]
    #[must_use]
    pub fn scatter_rows(self, indices: &[usize], rows: usize) -> Self {
        self.unary(Op::ScatterRows(ScatterRows { indices: indices.into(), rows }))
    }
}
