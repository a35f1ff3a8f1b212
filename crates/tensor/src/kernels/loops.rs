//! Nested loops over the axes of several operands.

use std::ops::Range;

use smallvec::SmallVec;

/// Nested loops, outermost first, in which each of `N` operands has its own strides.
///
/// Neighbouring axes become one loop if every operand has one stride over both. So two tensors of
/// the same shape take one loop at any rank, and a bias `[H]` added to `[T, B, H]` takes two.
#[derive(Debug)]
pub(crate) struct Loops<const N: usize>(SmallVec<[Loop<N>; 4]>);

/// One loop: the number of iterations and each operand's stride.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loop<const N: usize> {
    pub(crate) extent: usize,
    pub(crate) strides: [usize; N],
}

impl<const N: usize> Loops<N> {
    pub(crate) fn new() -> Self {
        Self(SmallVec::new())
    }

    /// Loops over `shape`, to which the operands' shapes broadcast. A stretched axis has stride 0.
    pub(crate) fn broadcast(shape: &[usize], operands: [&[usize]; N]) -> Self {
        let mut strides = [1; N];
        let mut axes: SmallVec<[Loop<N>; 4]> = SmallVec::new();
        for (i, &extent) in shape.iter().rev().enumerate() {
            let mut step = [0; N];
            for (n, operand) in operands.iter().enumerate() {
                let own = operand.len().checked_sub(i + 1).map_or(1, |axis| operand[axis]);
                if own != 1 {
                    step[n] = strides[n];
                    strides[n] *= own;
                }
            }
            axes.push(Loop { extent, strides: step });
        }
        let mut loops = Self::new();
        axes.iter().rev().for_each(|&axis| loops.push(axis));
        loops
    }

    /// Adds an innermost loop. Merges it with the loop around it if every operand has one stride
    /// over both.
    pub(crate) fn push(&mut self, inner: Loop<N>) {
        if inner.extent == 1 {
            return;
        }
        match self.0.last_mut() {
            Some(outer) if outer.strides == inner.strides.map(|stride| stride * inner.extent) => {
                outer.extent *= inner.extent;
                outer.strides = inner.strides;
            }
            _ => self.0.push(inner),
        }
    }

    /// Removes and returns the innermost loop, for the caller to run. Without loops, returns one of
    /// a single iteration.
    pub(crate) fn pop(&mut self) -> Loop<N> {
        self.0.pop().unwrap_or(Loop { extent: 1, strides: [1; N] })
    }

    /// Calls `visit` with every operand's offset for the iterations `range`, in order.
    #[inline(always)]
    pub(crate) fn for_each(&self, range: Range<usize>, mut visit: impl FnMut([usize; N])) {
        if range.is_empty() {
            return; // an axis may have extent zero
        }
        let mut offsets = [0; N];
        let mut index: SmallVec<[usize; 4]> = SmallVec::from_elem(0, self.0.len());
        let mut rest = range.start;
        for (i, axis) in self.0.iter().enumerate().rev() {
            index[i] = rest % axis.extent;
            rest /= axis.extent;
            for (offset, stride) in offsets.iter_mut().zip(axis.strides) {
                *offset += index[i] * stride;
            }
        }
        for _ in range {
            visit(offsets);
            for (i, axis) in self.0.iter().enumerate().rev() {
                index[i] += 1;
                let wraps = index[i] == axis.extent;
                for (offset, stride) in offsets.iter_mut().zip(axis.strides) {
                    *offset += stride;
                    if wraps {
                        *offset -= stride * axis.extent;
                    }
                }
                if !wraps {
                    break;
                }
                index[i] = 0;
            }
        }
    }
}
