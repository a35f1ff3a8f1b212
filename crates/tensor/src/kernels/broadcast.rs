//! The loops of elementwise operations on one or two tensors.

use crate::cpu::parallel::for_chunks;
use crate::cpu::simd::vectorize;
use crate::kernels::binary::BinaryLoop;
use crate::kernels::loops::{Loop, Loops};
use crate::scalar::Scalar;
use crate::shape::{self, OrPanic, Shape};
use crate::tensor::Tensor;

impl<T: Scalar> Tensor<T> {
    /// Applies `f` to each element.
    #[must_use]
    pub fn map(&self, f: impl Fn(T) -> T + Copy + Sync) -> Self {
        self.map_slices(&|x, y| {
            vectorize(
                #[inline(always)]
                move || {
                    for (y, &x) in y.iter_mut().zip(x) {
                        *y = f(x);
                    }
                },
            );
        })
    }

    /// Applies `kernel(source, target)` to slices of the elements.
    #[inline(never)]
    pub(crate) fn map_slices(&self, kernel: &(dyn Fn(&[T], &mut [T]) + Sync)) -> Self {
        let source = self.as_slice();
        Self::build(self.shape().clone(), |out| {
            for_chunks(out, &|start, out| kernel(&source[start..start + out.len()], out));
        })
    }

    /// Applies `f` to pairs of elements of two tensors, which broadcast as in NumPy: shapes are
    /// aligned at the last axis, and an extent of one stretches. `operation` names the caller in
    /// messages.
    ///
    /// # Panics
    ///
    /// If the shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn zip(
        &self,
        operation: &'static str,
        other: &Self,
        f: impl Fn(T, T) -> T + Copy + Sync,
    ) -> Self {
        self.zip_chunks(operation, other, &|chunk| chunk.run(f))
    }

    /// The tensor that `kernel` computes, chunk by chunk, from two tensors that broadcast.
    #[track_caller]
    #[inline(never)]
    pub(crate) fn zip_chunks(
        &self,
        operation: &'static str,
        other: &Self,
        kernel: &(dyn Fn(Chunk<'_, T>) + Sync),
    ) -> Self {
        let shape = shape::broadcast(operation, self.shape(), other.shape()).or_panic();
        let operands = [self.as_slice(), other.as_slice()];
        let elements = shape.elements();
        let nested = operands.iter().any(|operand| operand.len() != elements).then(|| {
            let mut loops = Loops::broadcast(&shape, [self.shape(), other.shape()]);
            (loops.pop(), loops)
        });
        let nested = nested.as_ref();
        Self::build(shape, |out| {
            for_chunks(out, &|start, out| kernel(Chunk { out, start, operands, nested }));
        })
    }

    /// Repeats the elements along the axes that `shape` adds or stretches. Shares the buffer if the
    /// shape stays the same.
    ///
    /// # Panics
    ///
    /// If this shape does not broadcast to exactly `shape`.
    #[track_caller]
    #[must_use]
    pub fn broadcast_to(&self, shape: impl Into<Shape>) -> Self {
        self.stretch(&shape.into())
    }

    #[track_caller]
    #[inline(never)]
    pub(crate) fn stretch(&self, shape: &Shape) -> Self {
        if shape == self.shape() {
            return self.clone();
        }
        let shape = shape::broadcast_to("broadcast_to", self.shape(), shape).or_panic();
        if shape.elements() == self.len() {
            return self.reshape(shape);
        }
        let mut loops = Loops::broadcast(&shape, [self.shape()]);
        let inner = loops.pop();
        let source = self.as_slice();
        Self::build(shape, |out| {
            for_chunks(out, &|start, out| {
                for_runs(&loops, inner.extent, start, out, |out, skip, [from]| {
                    match Run::of(source, from, skip, out.len(), inner.strides[0]) {
                        Run::Slice(run) => out.copy_from_slice(run),
                        Run::Repeat(value) => out.fill(value),
                    }
                });
            });
        })
    }

    /// `self ← f(self, other)` in place, with `other` broadcast to this shape.
    #[track_caller]
    pub(crate) fn update(
        &mut self,
        operation: &'static str,
        other: &Self,
        f: impl Fn(T, T) -> T + Copy + Sync,
    ) {
        shape::broadcast_to(operation, other.shape(), self.shape()).or_panic();
        if let &[y] = other.as_slice() {
            return for_chunks(self.as_mut_slice(), &|_, out| {
                vectorize(
                    #[inline(always)]
                    move || out.iter_mut().for_each(|x| *x = f(*x, y)),
                );
            });
        }
        let other = other.broadcast_to(self.shape());
        let other = other.as_slice();
        for_chunks(self.as_mut_slice(), &|start, out| {
            let other = &other[start..start + out.len()];
            vectorize(
                #[inline(always)]
                move || {
                    for (x, &y) in out.iter_mut().zip(other) {
                        *x = f(*x, y);
                    }
                },
            );
        });
    }
}

/// A chunk of the output of an operation on two tensors.
pub(crate) struct Chunk<'a, T> {
    out: &'a mut [T],
    /// The chunk's position in the whole output.
    start: usize,
    operands: [&'a [T]; 2],
    /// The innermost loop and the loops around it, if an operand is stretched.
    nested: Option<&'a (Loop<2>, Loops<2>)>,
}

impl<T: Scalar> BinaryLoop<T> for Chunk<'_, T> {
    #[inline(always)]
    fn run(self, f: impl Fn(T, T) -> T + Copy) {
        let Self { out, start, operands: [left, right], nested } = self;
        vectorize(
            #[inline(always)]
            move || match nested {
                None => {
                    let part = start..start + out.len();
                    let (left, right) = (&left[part.clone()], &right[part]);
                    zip_run(out, Run::Slice(left), Run::Slice(right), f);
                }
                Some((inner, loops)) => {
                    for_runs(loops, inner.extent, start, out, |out, skip, [l, r]| {
                        let left = Run::of(left, l, skip, out.len(), inner.strides[0]);
                        let right = Run::of(right, r, skip, out.len(), inner.strides[1]);
                        zip_run(out, left, right, f);
                    });
                }
            },
        );
    }
}

/// The elements of an operand for a run of the output.
#[derive(Clone, Copy)]
enum Run<'a, T> {
    Slice(&'a [T]),
    Repeat(T),
}

impl<'a, T: Scalar> Run<'a, T> {
    /// The `len` elements that follow the first `skip` of the run at `offset`.
    #[inline(always)]
    fn of(operand: &'a [T], offset: usize, skip: usize, len: usize, stride: usize) -> Self {
        match stride {
            0 => Self::Repeat(operand[offset]),
            _ => Self::Slice(&operand[offset + skip..][..len]),
        }
    }
}

/// One run of a zip, for [`vectorize`]. The four loops are written out, so that each is vectorised.
#[inline(always)]
fn zip_run<T: Scalar>(out: &mut [T], left: Run<'_, T>, right: Run<'_, T>, f: impl Fn(T, T) -> T) {
    match (left, right) {
        (Run::Slice(left), Run::Slice(right)) => {
            for ((out, &x), &y) in out.iter_mut().zip(left).zip(right) {
                *out = f(x, y);
            }
        }
        (Run::Slice(left), Run::Repeat(y)) => {
            for (out, &x) in out.iter_mut().zip(left) {
                *out = f(x, y);
            }
        }
        (Run::Repeat(x), Run::Slice(right)) => {
            for (out, &y) in out.iter_mut().zip(right) {
                *out = f(x, y);
            }
        }
        (Run::Repeat(x), Run::Repeat(y)) => out.fill(f(x, y)),
    }
}

/// Divides `out`, which begins at position `start` of the whole output, into runs of the innermost
/// loop. Calls `visit(run, skip, offsets)`. In the first run, `skip` elements lie before `out`.
#[inline(always)]
fn for_runs<T, const N: usize>(
    loops: &Loops<N>,
    run: usize,
    start: usize,
    mut out: &mut [T],
    mut visit: impl FnMut(&mut [T], usize, [usize; N]),
) {
    if out.is_empty() {
        return;
    }
    let mut skip = start % run;
    let visits = start / run..(start + out.len()).div_ceil(run);
    loops.for_each(visits, |offsets| {
        let len = out.len().min(run - skip);
        let (piece, rest) = std::mem::take(&mut out).split_at_mut(len);
        visit(piece, skip, offsets);
        (out, skip) = (rest, 0);
    });
}
