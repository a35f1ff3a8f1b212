//! Softmax and its logarithm, shifted by the maximum so that no logits overflow.

use crate::elementwise::larger;
use crate::parallel::for_rows;
use crate::reduce::fold_slice;
use crate::shape::{self, OrPanic};
use crate::{Scalar, Tensor};

impl<T: Scalar> Tensor<T> {
    /// `softmax(x)ᵢ = e^xᵢ / Σⱼ e^xⱼ` along `axis`.
    ///
    /// Where all logits are −∞, no outcome is possible and all probabilities are 0.
    ///
    /// # Panics
    ///
    /// If the axis does not exist.
    #[track_caller]
    #[must_use]
    pub fn softmax(&self, axis: isize) -> Self {
        let axis = shape::axis("softmax", self.shape(), axis).or_panic();
        self.along_last(axis, |x, y| {
            let shift = shift(x);
            exp_shifted(x, shift, y);
            let sum = sum(y);
            let scale = if sum == T::zero() { sum } else { sum.recip() };
            y.iter_mut().for_each(|y| *y *= scale);
        })
    }

    /// `log_softmax(x)ᵢ = xᵢ − ln Σⱼ e^xⱼ` along `axis`, without the rounding of `softmax` and
    /// `ln` in turn.
    ///
    /// Where all logits are −∞, so is the result.
    ///
    /// # Panics
    ///
    /// If the axis does not exist.
    #[track_caller]
    #[must_use]
    pub fn log_softmax(&self, axis: isize) -> Self {
        let axis = shape::axis("log_softmax", self.shape(), axis).or_panic();
        self.along_last(axis, |x, y| {
            let shift = shift(x);
            exp_shifted(x, shift, y);
            let log_sum = finite_or_zero(sum(y).ln());
            for (y, &x) in y.iter_mut().zip(x) {
                *y = (x - shift) - log_sum;
            }
        })
    }

    /// `ln Σᵢ e^xᵢ` along `axis`, which vanishes; −∞ where all logits are −∞ or there are none.
    ///
    /// # Panics
    ///
    /// If the axis does not exist.
    #[track_caller]
    #[must_use]
    pub fn logsumexp(&self, axis: isize) -> Self {
        let axis = shape::axis("logsumexp", self.shape(), axis).or_panic();
        self.logsumexp_keep(axis as isize).reshape(self.shape().without(axis))
    }

    /// Like [`logsumexp`](Self::logsumexp) with the axis kept at extent one.
    ///
    /// # Panics
    ///
    /// If the axis does not exist.
    #[track_caller]
    #[must_use]
    pub fn logsumexp_keep(&self, axis: isize) -> Self {
        let axis = shape::axis("logsumexp_keep", self.shape(), axis).or_panic();
        let last = self.transpose(axis as isize, -1);
        let n = self.shape()[axis];
        let source = last.as_slice();
        let folded = Self::build(last.shape().with(self.rank() - 1, 1), |out| {
            for_rows(out, 1, n, |first, out| {
                let mut y = vec![T::zero(); n];
                for (i, out) in out.iter_mut().enumerate() {
                    let x = &source[(first + i) * n..][..n];
                    let shift = shift(x);
                    exp_shifted(x, shift, &mut y);
                    *out = shift + sum(&y).ln();
                }
            });
        });
        folded.transpose(axis as isize, -1)
    }

    /// Applies `row(x, y)`, which writes `y` from `x`, to every row along `axis`.
    fn along_last(&self, axis: usize, row: impl Fn(&[T], &mut [T]) + Sync) -> Self {
        let last = self.transpose(axis as isize, -1);
        let n = self.shape()[axis];
        let source = last.as_slice();
        let mapped = Self::build(last.shape().clone(), |out| {
            for_rows(out, n, n, |first, out| {
                for (i, y) in out.chunks_exact_mut(n).enumerate() {
                    row(&source[(first + i) * n..][..n], y);
                }
            });
        });
        mapped.transpose(axis as isize, -1)
    }
}

/// The maximum, by which logits are shifted; 0 if it is infinite, since `∞ − ∞` is NaN.
fn shift<T: Scalar>(x: &[T]) -> T {
    finite_or_zero(fold_slice(x, T::neg_infinity(), &larger))
}

fn finite_or_zero<T: Scalar>(x: T) -> T {
    if x.is_infinite() { T::zero() } else { x }
}

fn sum<T: Scalar>(x: &[T]) -> T {
    fold_slice(x, T::zero(), &|x, y| x + y)
}

fn exp_shifted<T: Scalar>(x: &[T], shift: T, y: &mut [T]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = (x - shift).exp();
    }
}
