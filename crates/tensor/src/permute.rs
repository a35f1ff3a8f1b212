//! Reordered axes, materialised.

use smallvec::SmallVec;

use crate::loops::{Loop, Loops};
use crate::shape::{self, OrPanic};
use crate::{Scalar, Tensor};

impl<T: Scalar> Tensor<T> {
    /// The axes in another order: axis `i` of the result is axis `order[i]` of this tensor.
    ///
    /// # Panics
    ///
    /// If `order` does not name each axis once.
    #[track_caller]
    #[must_use]
    pub fn permute(&self, order: &[usize]) -> Self {
        let shape = shape::permute(self.shape(), order).or_panic();
        if order.is_sorted() {
            return self.clone();
        }
        let mut strides: SmallVec<[usize; 4]> = SmallVec::from_elem(1, self.rank());
        for axis in (1..self.rank()).rev() {
            strides[axis - 1] = strides[axis] * self.shape()[axis];
        }
        let mut loops = Loops::new();
        for (&extent, &axis) in shape.iter().zip(order) {
            loops.push(Loop { extent, strides: [strides[axis]] });
        }
        let inner = loops.pop();
        let (source, [stride]) = (self.as_slice(), inner.strides);
        Self::build(shape, |out| {
            if out.is_empty() {
                return;
            }
            let mut rows = out.chunks_exact_mut(inner.extent);
            loops.for_each(0..loops.iterations(), |[from]| {
                let Some(row) = rows.next() else { return };
                if stride == 1 {
                    row.copy_from_slice(&source[from..][..row.len()]);
                } else {
                    for (out, x) in row.iter_mut().zip(source[from..].iter().step_by(stride)) {
                        *out = *x;
                    }
                }
            });
        })
    }

    /// Two axes swapped.
    ///
    /// # Panics
    ///
    /// If an axis does not exist.
    #[track_caller]
    #[must_use]
    pub fn transpose(&self, a: isize, b: isize) -> Self {
        let a = shape::axis("transpose", self.shape(), a).or_panic();
        let b = shape::axis("transpose", self.shape(), b).or_panic();
        let mut order: SmallVec<[usize; 4]> = (0..self.rank()).collect();
        order.swap(a, b);
        self.permute(&order)
    }
}
