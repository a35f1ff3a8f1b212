//! The loops of products of few rows.

use crate::cpu::simd::vectorize;
use crate::scalar::Scalar;

/// `cⱼ ← cⱼ + Σₚ rowₚ b[p, j]`, where the rows of `b` are `width` apart.
pub(super) fn add_rows<T: Scalar>(row: &[T], b: &[T], width: usize, c: &mut [T]) {
    vectorize(
        #[inline(always)]
        move || {
            let (fours, rest) = row.as_chunks::<4>();
            for (p, x) in fours.iter().enumerate() {
                let [b0, b1, b2, b3] = [0, 1, 2, 3].map(|i| &b[(4 * p + i) * width..][..c.len()]);
                for (j, c) in c.iter_mut().enumerate() {
                    *c += (x[0] * b0[j] + x[1] * b1[j]) + (x[2] * b2[j] + x[3] * b3[j]);
                }
            }
            for (p, &x) in rest.iter().enumerate() {
                let b = &b[(4 * fours.len() + p) * width..];
                for (c, &b) in c.iter_mut().zip(b) {
                    *c += x * b;
                }
            }
        },
    );
}

/// `cⱼ ← cⱼ + Σₚ rowₚ b[j, p]`, with the rows of `b` as long as `row`.
pub(super) fn add_dots<T: Scalar>(row: &[T], b: &[T], c: &mut [T]) {
    const LANES: usize = 32;
    vectorize(
        #[inline(always)]
        move || {
            let (x, x_rest) = row.as_chunks::<LANES>();
            for (c, b) in c.iter_mut().zip(b.chunks_exact(row.len())) {
                let (y, y_rest) = b.as_chunks::<LANES>();
                let mut lanes = [T::zero(); LANES];
                for (x, y) in x.iter().zip(y) {
                    for ((lane, &x), &y) in lanes.iter_mut().zip(x).zip(y) {
                        *lane += x * y;
                    }
                }
                let rest: T = x_rest.iter().zip(y_rest).map(|(&x, &y)| x * y).sum();
                *c += lanes.into_iter().sum::<T>() + rest;
            }
        },
    );
}
