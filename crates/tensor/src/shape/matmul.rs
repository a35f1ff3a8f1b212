//! Shapes of matrix products.

use smallvec::SmallVec;

use super::error::ShapeError;
use super::extents::Shape;

/// Which operands of a matrix product are read transposed (their last two axes swapped).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Transpose {
    /// Read the left operand transposed.
    pub left: bool,
    /// Read the right operand transposed.
    pub right: bool,
}

impl Transpose {
    /// `A · B`
    pub const NONE: Self = Self { left: false, right: false };
    /// `Aᵀ · B`
    pub const LEFT: Self = Self { left: true, right: false };
    /// `A · Bᵀ`
    pub const RIGHT: Self = Self { left: false, right: true };
}

/// The shape of a matrix product of the last two axes.
///
/// The right operand is one matrix or a batch. One matrix is multiplied by every row of the left
/// operand: `[.., M, K] · [K, N]`, or a vector, `[K] · [K, N]` = `[N]`. A batch has the left
/// operand's leading axes: `[.., M, K] · [.., K, N]`.
pub fn matmul(a: &[usize], b: &[usize], transpose: Transpose) -> Result<Shape, ShapeError> {
    let fail = |problem: String| Err(ShapeError::new("matmul", &[a, b], problem));
    if a.is_empty() || b.len() < 2 || (a.len() < 2 && (b.len() > 2 || transpose.left)) {
        return fail(
            "a product takes matrices (a vector only at the left of one matrix); reshape a vector \
             to [K, 1] or [1, K]"
                .into(),
        );
    }
    let batched = b.len() > 2 || (transpose.left && a.len() > 2);
    if batched && a[..a.len() - 2] != b[..b.len() - 2] {
        return fail(
            "the leading axes must be the same, unless the right is one matrix and the left is \
             not transposed; broadcast_to makes them so"
                .into(),
        );
    }
    let inner = |shape: &[usize], transposed: bool, left: bool| {
        // the contracted axis: the last of the left, the last but one of the right
        shape.len() - if left != transposed { 1 } else { 2 }
    };
    let (ka, kb) = (inner(a, transpose.left, true), inner(b, transpose.right, false));
    if a[ka] != b[kb] {
        return Err(ShapeError::new(
            "matmul",
            &[a, b],
            format!(
                "the left's axis {ka} ({}) is multiplied with the right's axis {kb} ({}), so they \
                 must be equal; transpose an operand or check the layer's `input_size`",
                a[ka], b[kb]
            ),
        )
        .at_axis(ka));
    }
    let mut shape = SmallVec::from_slice(&a[..a.len().saturating_sub(2)]);
    if a.len() >= 2 {
        shape.push(a[a.len() - if transpose.left { 1 } else { 2 }]);
    }
    shape.push(b[b.len() - if transpose.right { 2 } else { 1 }]);
    Ok(Shape(shape))
}
