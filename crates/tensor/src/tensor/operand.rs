//! Operands of the operators and elementwise methods of tensors.

use std::borrow::Cow;

use super::Tensor;
use crate::scalar::Scalar;

/// An operand of an elementwise operation: a tensor, a reference to one, or an `f64`, which is
/// rounded to the element type of the other operand.
///
/// Shapes broadcast as in NumPy: they are aligned at the last axis, and an extent of one stretches.
///
/// ```
/// use bptt_tensor::Tensor;
/// let x = Tensor::from([-1.0_f32, 2.0]);
/// assert_eq!(x.maximum(0.0), Tensor::from([0.0, 2.0]));
/// assert_eq!(x.maximum(&x.square()), Tensor::from([1.0, 4.0]));
/// ```
pub trait Operand<T: Scalar>: sealed::Sealed {
    /// The operand as a tensor; a number has no axes.
    #[doc(hidden)]
    fn tensor(&self) -> Cow<'_, Tensor<T>>;
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for f64 {}
    impl<T> Sealed for super::Tensor<T> {}
    impl<T> Sealed for &super::Tensor<T> {}
}

impl<T: Scalar> Operand<T> for Tensor<T> {
    fn tensor(&self) -> Cow<'_, Tensor<T>> {
        Cow::Borrowed(self)
    }
}

impl<T: Scalar> Operand<T> for &Tensor<T> {
    fn tensor(&self) -> Cow<'_, Tensor<T>> {
        Cow::Borrowed(self)
    }
}

impl<T: Scalar> Operand<T> for f64 {
    fn tensor(&self) -> Cow<'_, Tensor<T>> {
        Cow::Owned(Tensor::scalar(T::of(*self)))
    }
}
