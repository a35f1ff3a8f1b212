//! Products `Aᵀ B` with a common B: the gradients of weights.

use super::packed::{self, Accumulate, Factor, Strided};
use super::strided::{Matrix, StridedProduct, is_packed};
use crate::scalar::Scalar;

/// A left operand of [`transposed`], and the destination of its product.
pub(crate) struct Left<'a, T> {
    /// Rows `[K, M]`, and the distance between them.
    pub(crate) a: (&'a [T], usize),
    /// `M`
    pub(crate) width: usize,
    /// Whether the product is added to `c`, rather than written over it.
    pub(crate) adds: bool,
    /// `[M, N]`
    pub(crate) c: &'a mut [T],
}

/// `C ← Aᵀ B` or `C ← C + Aᵀ B` for each left operand, with B `[K, N]` and a distance between its
/// rows.
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
                accumulate: if left.adds { Accumulate::C } else { Accumulate::Zero },
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
