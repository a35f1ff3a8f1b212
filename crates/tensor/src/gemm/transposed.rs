//! Products `Aᵀ B` that have B in common: the gradients of weights.

use super::packed::{self, Factor, Start, Strided};
use super::strided::{Matrix, StridedProduct, is_packed};
use crate::scalar::Scalar;

/// A left operand of [`transposed`], and where its product goes.
pub(crate) struct Left<'a, T> {
    /// Rows `[K, M]` at a distance.
    pub(crate) a: (&'a [T], usize),
    /// `M`
    pub(crate) width: usize,
    /// Added to `c`, rather than written.
    pub(crate) adds: bool,
    /// `[M, N]`
    pub(crate) c: &'a mut [T],
}

/// `C ← Aᵀ B`, or `C + Aᵀ B`, for each left and `[K, N] = extents`, with rows of B at a distance.
pub(crate) fn transposed<T: Scalar>(
    [k, n]: [usize; 2],
    lefts: &mut [Left<'_, T>],
    (b, b_distance): (&[T], usize),
) {
    let rows: usize = lefts.iter().map(|left| left.width).sum();
    let b = Matrix { elements: b, strides: [b_distance, 1] };
    if lefts.len() > 1 && is_packed(rows, n) && packed::are_few::<T>(rows, k) {
        let factor = |left: &mut Left<'_, T>| {
            assert!(k == 0 || left.a.0.len() >= (k - 1) * left.a.1 + left.width, "A is short");
            assert!(left.c.len() == left.width * n, "C has another size");
            Factor {
                rows: left.width,
                a: Strided { first: left.a.0.as_ptr(), strides: [1, left.a.1] },
                start: if left.adds { Start::Accumulate } else { Start::Zero },
                c: (left.c.as_mut_ptr(), n),
            }
        };
        let factors: Vec<_> = lefts.iter_mut().map(factor).collect();
        assert!(k == 0 || b.elements.len() >= (k - 1) * b_distance + n, "B is short");
        // SAFETY: the operands have as many elements as just checked, and each C is borrowed
        // exclusively.
        return unsafe { packed::multiply_all([k, n], &factors, b.strided()) };
    }
    for left in lefts {
        let a = Matrix { elements: left.a.0, strides: [1, left.a.1] };
        let beta = if left.adds { T::one() } else { T::zero() };
        let extents = [left.width, k, n];
        StridedProduct { extents, alpha: T::one(), a, b, beta }.choose(left.c);
    }
}
