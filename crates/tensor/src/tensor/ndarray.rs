//! Conversions from and to the arrays of the `ndarray` crate.

use ndarray::{ArrayBase, ArrayD, Data, Dimension, IxDyn};

use super::Tensor;
use crate::scalar::Scalar;
use crate::shape::Shape;

impl<T: Scalar, S: Data<Elem = T>, D: Dimension> From<&ArrayBase<S, D>> for Tensor<T> {
    /// Copies the elements, in row-major order whatever the array's strides are.
    fn from(array: &ArrayBase<S, D>) -> Self {
        Self::from_vec(Shape::from(array.shape()), array.iter().copied().collect())
    }
}

impl<T: Scalar, S: Data<Elem = T>, D: Dimension> From<ArrayBase<S, D>> for Tensor<T> {
    /// Copies the elements, in row-major order whatever the array's strides are.
    fn from(array: ArrayBase<S, D>) -> Self {
        Self::from(&array)
    }
}

impl<T: Scalar> From<&Tensor<T>> for ArrayD<T> {
    /// Copies the elements. `into_dimensionality` gives an array of a fixed number of axes.
    fn from(tensor: &Tensor<T>) -> Self {
        let shape = IxDyn(tensor.shape());
        Self::from_shape_vec(shape, tensor.to_vec()).expect("a tensor has its shape's elements")
    }
}

impl<T: Scalar> From<Tensor<T>> for ArrayD<T> {
    /// Copies the elements. `into_dimensionality` gives an array of a fixed number of axes.
    fn from(tensor: Tensor<T>) -> Self {
        Self::from(&tensor)
    }
}
