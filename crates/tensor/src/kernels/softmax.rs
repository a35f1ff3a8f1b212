//! Softmax and its logarithm. Logits are shifted by their maximum, so that no exponential
//! overflows.

use crate::cpu::parallel::for_rows;
use crate::cpu::simd::{Math, vectorize_math};
use crate::kernels::fold::fold_row;
use crate::scalar::Scalar;
use crate::shape::{self, OrPanic};
use crate::tensor::Tensor;

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
    #[inline(never)]
    pub fn softmax(&self, axis: isize) -> Self {
        let axis = shape::axis("softmax", self.shape(), axis).or_panic();
        self.along_last(
            axis,
            #[inline(always)]
            |math, x, y| softmax(math, x, y),
        )
    }

    /// `log_softmax(x)ᵢ = xᵢ − ln Σⱼ e^xⱼ` along `axis`, more accurate than `softmax` followed by
    /// `ln`.
    ///
    /// Where all logits are −∞, the result is −∞.
    ///
    /// # Panics
    ///
    /// If the axis does not exist.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn log_softmax(&self, axis: isize) -> Self {
        let axis = shape::axis("log_softmax", self.shape(), axis).or_panic();
        self.along_last(
            axis,
            #[inline(always)]
            |math, x, y| log_softmax(math, x, y),
        )
    }

    /// `ln Σᵢ e^xᵢ` along `axis`, which is removed; −∞ where all logits are −∞ or there are none.
    ///
    /// # Panics
    ///
    /// If the axis does not exist.
    #[track_caller]
    #[must_use]
    #[inline(never)]
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
    #[inline(never)]
    pub fn logsumexp_keep(&self, axis: isize) -> Self {
        let axis = shape::axis("logsumexp_keep", self.shape(), axis).or_panic();
        let last = self.transpose(axis as isize, -1);
        let n = self.shape()[axis];
        let source = last.as_slice();
        let folded = Self::build(last.shape().with(self.rank() - 1, 1), |out| {
            for_rows(out, 1, n, &|first, out| {
                let scratch = &mut vec![T::zero(); n][..];
                vectorize_math(
                    #[inline(always)]
                    move |math| {
                        for (i, out) in out.iter_mut().enumerate() {
                            let x = &source[(first + i) * n..][..n];
                            *out = logsumexp(math, x, scratch);
                        }
                    },
                );
            });
        });
        folded.transpose(axis as isize, -1)
    }

    /// Computes every row along `axis` by `row(math, x, y)`, which writes `y` from `x`.
    fn along_last(&self, axis: usize, row: impl Fn(Math, &[T], &mut [T]) + Copy + Sync) -> Self {
        let last = self.transpose(axis as isize, -1);
        let n = self.shape()[axis];
        let source = last.as_slice();
        let mapped = Self::build(last.shape().clone(), |out| {
            for_rows(out, n, n, &|first, out| {
                vectorize_math(
                    #[inline(always)]
                    move |math| {
                        for (i, y) in out.chunks_exact_mut(n).enumerate() {
                            row(math, &source[(first + i) * n..][..n], y);
                        }
                    },
                );
            });
        });
        mapped.transpose(axis as isize, -1)
    }
}

/// `y ← softmax(x)`
#[inline(always)]
fn softmax<T: Scalar>(math: Math, x: &[T], y: &mut [T]) {
    exp_shifted(math, x, shift(x), y);
    let sum = sum(y);
    let scale = if sum == T::zero() { sum } else { sum.recip() };
    y.iter_mut().for_each(|y| *y *= scale);
}

/// `y ← log_softmax(x)`
#[inline(always)]
fn log_softmax<T: Scalar>(math: Math, x: &[T], y: &mut [T]) {
    let shift = shift(x);
    exp_shifted(math, x, shift, y);
    let log_sum = math.ln(sum(y));
    // if all logits are −∞, so is the result; a logit of +∞ is not supported, and gives an infinite
    // or NaN loss
    let log_sum = if log_sum == T::neg_infinity() { T::zero() } else { log_sum };
    for (y, &x) in y.iter_mut().zip(x) {
        *y = (x - shift) - log_sum;
    }
}

/// `ln Σᵢ e^xᵢ`; overwrites `scratch`, which is as long as `x`.
#[inline(always)]
fn logsumexp<T: Scalar>(math: Math, x: &[T], scratch: &mut [T]) -> T {
    let shift = shift(x);
    exp_shifted(math, x, shift, scratch);
    shift + math.ln(sum(scratch))
}

/// The maximum, by which logits are shifted; 0 if it is infinite, since `∞ − ∞` is NaN. A NaN that
/// the maximum misses reaches the result through its own exponential.
#[inline(always)]
fn shift<T: Scalar>(x: &[T]) -> T {
    let maximum = fold_row(x, T::neg_infinity(), |x, y| if x > y { x } else { y });
    if maximum.is_infinite() { T::zero() } else { maximum }
}

#[inline(always)]
fn sum<T: Scalar>(x: &[T]) -> T {
    fold_row(x, T::zero(), |x, y| x + y)
}

#[inline(always)]
fn exp_shifted<T: Scalar>(math: Math, x: &[T], shift: T, y: &mut [T]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = math.exp(x - shift);
    }
}
