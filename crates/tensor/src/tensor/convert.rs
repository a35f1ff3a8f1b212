//! Conversions from and to numbers, arrays and vectors, and between element types; iteration.

use std::slice;

use super::Tensor;
use crate::cpu::parallel::for_chunks;
use crate::scalar::Scalar;

impl<T: Scalar> From<T> for Tensor<T> {
    /// A tensor without axes, like [`scalar`](Tensor::scalar).
    fn from(value: T) -> Self {
        Self::scalar(value)
    }
}

impl<T: Scalar, const N: usize> From<[T; N]> for Tensor<T> {
    /// A vector `[N]`.
    fn from(elements: [T; N]) -> Self {
        Self::from_slice([N], &elements)
    }
}

impl<T: Scalar, const M: usize, const N: usize> From<[[T; N]; M]> for Tensor<T> {
    /// A matrix `[M, N]`.
    fn from(rows: [[T; N]; M]) -> Self {
        Self::from_slice([M, N], rows.as_flattened())
    }
}

impl<T: Scalar, const L: usize, const M: usize, const N: usize> From<[[[T; N]; M]; L]>
    for Tensor<T>
{
    /// A tensor `[L, M, N]`.
    fn from(matrices: [[[T; N]; M]; L]) -> Self {
        Self::from_slice([L, M, N], matrices.as_flattened().as_flattened())
    }
}

impl<T: Scalar> From<Vec<T>> for Tensor<T> {
    /// A vector `[N]`, in the memory of the `Vec`.
    fn from(elements: Vec<T>) -> Self {
        Self::from_vec([elements.len()], elements)
    }
}

impl<T: Scalar> From<Vec<Vec<T>>> for Tensor<T> {
    /// A matrix `[M, N]` from its rows; no rows give `[0, 0]`. The inverse is
    /// [`to_vec2`](Tensor::to_vec2).
    ///
    /// # Panics
    ///
    /// If the rows have different lengths.
    #[track_caller]
    fn from(rows: Vec<Vec<T>>) -> Self {
        let width = rows.first().map_or(0, Vec::len);
        for (i, row) in rows.iter().enumerate() {
            let len = row.len();
            assert!(len == width, "row {i} has {len} elements, and row 0 has {width}; pad them");
        }
        Self::from_vec([rows.len(), width], rows.concat())
    }
}

impl<T: Scalar> FromIterator<T> for Tensor<T> {
    /// A vector `[N]`.
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        Self::from(elements.into_iter().collect::<Vec<T>>())
    }
}

impl<T: Scalar> Tensor<T> {
    /// Copies the rows of a matrix. The inverse is [`Tensor::from`].
    ///
    /// ```
    /// use bptt_tensor::Tensor;
    /// let rows = vec![vec![1.0, 2.0], vec![3.0, 4.0]];
    /// assert_eq!(Tensor::from(rows.clone()).to_vec2(), rows);
    /// ```
    ///
    /// # Panics
    ///
    /// If there are not two axes.
    #[track_caller]
    #[must_use]
    pub fn to_vec2(&self) -> Vec<Vec<T>> {
        let &[rows, width] = &self.shape()[..] else {
            panic!("to_vec2 of {}: needs a matrix; reshape to two axes first", self.shape());
        };
        (0..rows).map(|i| self.as_slice()[i * width..][..width].to_vec()).collect()
    }

    /// Converts the elements to another type: rounded to nearest from `f64` to `f32`, exact from
    /// `f32` to `f64`.
    ///
    /// ```
    /// use bptt_tensor::Tensor;
    /// let single: Tensor<f32> = Tensor::from([0.1, 0.5]).cast();
    /// assert_eq!(single, Tensor::from([0.1_f32, 0.5]));
    /// ```
    #[must_use]
    pub fn cast<U: Scalar>(&self) -> Tensor<U> {
        let source = self.as_slice();
        Tensor::build(self.shape().clone(), |out| {
            for_chunks(out, &|start, out| {
                for (y, x) in out.iter_mut().zip(&source[start..]) {
                    *y = U::of(x.as_f64());
                }
            });
        })
    }
}

impl<T> Tensor<T> {
    /// The elements in row-major order.
    pub fn iter(&self) -> slice::Iter<'_, T> {
        self.as_slice().iter()
    }
}

impl<'a, T> IntoIterator for &'a Tensor<T> {
    type Item = &'a T;
    type IntoIter = slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
