//! Indexing of single elements.

use std::ops::{Index, IndexMut};

use super::Tensor;
use crate::scalar::Scalar;
use crate::shape::Shape;

/// The row-major position of an element.
///
/// # Panics
///
/// If there is not one index for each axis, or one is not within its axis.
#[track_caller]
fn position(shape: &Shape, index: &[usize]) -> usize {
    let is_inside = index.len() == shape.len() && index.iter().zip(&shape[..]).all(|(i, n)| i < n);
    assert!(is_inside, "index {index:?} of {shape}: give one index within each axis");
    index.iter().zip(&shape[..]).fold(0, |position, (i, n)| position * n + i)
}

impl<T, const N: usize> Index<[usize; N]> for Tensor<T> {
    type Output = T;

    /// The element at an index of one number for each axis: `x[[t, b, h]]`.
    ///
    /// # Panics
    ///
    /// If there is not one index for each axis, or one is not within its axis.
    #[track_caller]
    fn index(&self, index: [usize; N]) -> &T {
        &self[&index[..]]
    }
}

impl<T> Index<&[usize]> for Tensor<T> {
    type Output = T;

    /// The element at an index whose length is not known in advance.
    ///
    /// # Panics
    ///
    /// If there is not one index for each axis, or one is not within its axis.
    #[track_caller]
    fn index(&self, index: &[usize]) -> &T {
        &self.as_slice()[position(self.shape(), index)]
    }
}

impl<T: Scalar, const N: usize> IndexMut<[usize; N]> for Tensor<T> {
    /// The element at an index, for writing. Copies the elements first if another tensor shares the
    /// buffer.
    ///
    /// # Panics
    ///
    /// If there is not one index for each axis, or one is not within its axis.
    #[track_caller]
    fn index_mut(&mut self, index: [usize; N]) -> &mut T {
        &mut self[&index[..]]
    }
}

impl<T: Scalar> IndexMut<&[usize]> for Tensor<T> {
    /// The element at an index whose length is not known in advance, for writing. Copies the
    /// elements first if another tensor shares the buffer.
    ///
    /// # Panics
    ///
    /// If there is not one index for each axis, or one is not within its axis.
    #[track_caller]
    fn index_mut(&mut self, index: &[usize]) -> &mut T {
        let position = position(self.shape(), index);
        &mut self.as_mut_slice()[position]
    }
}
