//! The tensor: construction, access, and views.

mod convert;
mod display;
mod index;
#[cfg(feature = "ndarray")]
mod ndarray;
mod operand;
mod operators;

pub use operand::Operand;

use crate::cpu::parallel::for_chunks;
use crate::memory::pool::Buffer;
use crate::scalar::Scalar;
use crate::shape::{self, OrPanic, Shape, ShapeError};

/// A dense, contiguous, row-major array of `f32` or `f64`.
///
/// A tensor is a shape and a window into a shared buffer. A clone, a [`reshape`](Self::reshape) and
/// a slice along axis 0 (time steps of a sequence `[T, B, F]`) copy nothing. Writing to a tensor
/// that shares its buffer copies the elements first.
///
/// ```
/// use bptt_tensor::Tensor;
/// let x = Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
/// let bias = Tensor::from([0.5, 0.0, -0.5]);
/// let y = 2.0 * &x + bias;
/// assert_eq!(y, Tensor::from([[2.5, 4.0, 5.5], [8.5, 10.0, 11.5]]));
/// assert_eq!(y[[1, 2]], 11.5);
/// assert_eq!(x.sum(&[0]).to_string(), "[5.0, 7.0, 9.0]");
/// ```
pub struct Tensor<T> {
    shape: Shape,
    buffer: Buffer<T>,
    offset: usize,
}

impl<T: Scalar> Tensor<T> {
    /// A tensor of this shape with these elements, outermost axis slowest.
    ///
    /// # Panics
    ///
    /// If there are not exactly as many elements as the shape has.
    #[track_caller]
    #[must_use]
    pub fn from_vec(shape: impl Into<Shape>, elements: Vec<T>) -> Self {
        let shape = shape.into();
        check_len("from_vec", &shape, elements.len()).or_panic();
        Self { shape, buffer: Buffer::from_vec(elements), offset: 0 }
    }

    /// Like [`from_vec`](Self::from_vec), copying the elements.
    ///
    /// # Panics
    ///
    /// If there are not exactly as many elements as the shape has.
    #[track_caller]
    #[must_use]
    pub fn from_slice(shape: impl Into<Shape>, elements: &[T]) -> Self {
        let shape = shape.into();
        check_len("from_slice", &shape, elements.len()).or_panic();
        Self::build(shape, |out| out.copy_from_slice(elements))
    }

    /// A tensor of one element, without axes (`[]`).
    #[must_use]
    pub fn scalar(value: T) -> Self {
        Self::full([], value)
    }

    /// A tensor with every element `value`.
    #[track_caller]
    #[must_use]
    pub fn full(shape: impl Into<Shape>, value: T) -> Self {
        Self::filled(shape.into(), value)
    }

    #[inline(never)]
    #[track_caller]
    pub(crate) fn filled(shape: Shape, value: T) -> Self {
        Self::build(shape, |out| for_chunks(out, &|_, out| out.fill(value)))
    }

    /// A tensor of zeros.
    #[track_caller]
    #[must_use]
    pub fn zeros(shape: impl Into<Shape>) -> Self {
        Self::full(shape, T::zero())
    }

    /// A tensor of ones.
    #[track_caller]
    #[must_use]
    pub fn ones(shape: impl Into<Shape>) -> Self {
        Self::full(shape, T::one())
    }

    /// The identity matrix `[n, n]`.
    #[must_use]
    pub fn eye(n: usize) -> Self {
        Self::from_fn([n, n], |i| if i / n == i % n { T::one() } else { T::zero() })
    }

    /// A tensor whose elements are computed from their row-major position.
    #[must_use]
    pub fn from_fn(shape: impl Into<Shape>, element: impl FnMut(usize) -> T) -> Self {
        let mut element = element;
        Self::build(shape.into(), |out| {
            for (i, out) in out.iter_mut().enumerate() {
                *out = element(i);
            }
        })
    }

    /// A tensor with unspecified elements. The caller must write every element before reading it.
    #[doc(hidden)]
    #[track_caller]
    #[must_use]
    pub fn unspecified(shape: impl Into<Shape>) -> Self {
        Self::build(shape.into(), |_| ())
    }

    /// A placeholder that has a shape but no elements, on which operations are recorded. Reading an
    /// element panics.
    #[doc(hidden)]
    #[must_use]
    pub fn unknown(shape: impl Into<Shape>) -> Self {
        Self { shape: shape.into(), buffer: Buffer::from_vec(Vec::new()), offset: 0 }
    }

    /// A tensor in a pooled buffer; `fill` must write every element.
    #[track_caller]
    pub(crate) fn build(shape: Shape, fill: impl FnOnce(&mut [T])) -> Self {
        let mut tensor = Self::unfilled(shape);
        if let Some(elements) = tensor.get_mut() {
            fill(elements);
        }
        tensor
    }

    /// A tensor in a pooled buffer, whose elements are yet to be written.
    #[track_caller]
    #[inline(never)]
    pub(crate) fn unfilled(shape: Shape) -> Self {
        let buffer = Buffer::take(shape.elements());
        Self { shape, buffer, offset: 0 }
    }

    /// The elements for writing. Copies them first if another tensor shares the buffer, so that the
    /// other tensor is unchanged.
    #[must_use]
    #[inline(never)]
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        if self.buffer.as_mut_slice().is_none() {
            *self = Self::build(self.shape.clone(), |out| out.copy_from_slice(self.as_slice()));
        }
        let window = self.offset..self.offset + self.len();
        &mut self.buffer.as_mut_slice().expect("a new buffer has one owner")[window]
    }

    /// The elements for writing, if no other tensor shares the buffer.
    #[must_use]
    #[inline(never)]
    pub fn get_mut(&mut self) -> Option<&mut [T]> {
        let window = self.offset..self.offset + self.len();
        self.buffer.as_mut_slice().map(|elements| &mut elements[window])
    }

    /// The elements, copied.
    #[must_use]
    pub fn to_vec(&self) -> Vec<T> {
        self.as_slice().to_vec()
    }

    /// The only element.
    ///
    /// # Panics
    ///
    /// If there is not exactly one.
    #[track_caller]
    #[must_use]
    pub fn item(&self) -> T {
        match self.as_slice() {
            &[value] => value,
            _ => panic!("item of {}: needs exactly one element; reduce or index first", self.shape),
        }
    }

    /// The same elements in another shape; shares the buffer.
    ///
    /// # Panics
    ///
    /// If the shapes have different numbers of elements.
    #[track_caller]
    #[must_use]
    pub fn reshape(&self, shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        Self { shape: shape::reshape(&self.shape, &shape).or_panic(), ..self.clone() }
    }

    /// A view of this shape, from row-major position `start` on. Shares the buffer.
    pub(crate) fn window(&self, start: usize, shape: Shape) -> Self {
        Self { offset: self.offset + start, buffer: self.buffer.clone(), shape }
    }

    /// Entry `index` of axis 0, without that axis: time step `[B, F]` of a sequence `[T, B, F]`.
    /// Shares the buffer.
    ///
    /// # Panics
    ///
    /// If the tensor has no axis, or the index is not within axis 0.
    #[track_caller]
    #[must_use]
    pub fn index_first(&self, index: usize) -> Self {
        let axis = shape::axis("index_first", &self.shape, 0).or_panic();
        shape::slice(&self.shape, axis, &(index..index + 1)).or_panic();
        let entry = self.shape.without(axis);
        self.window(index * entry.elements(), entry)
    }
}

/// Access, for any type of element.
impl<T> Tensor<T> {
    /// The extents of the axes.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The number of axes.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// The number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.elements()
    }

    /// Whether there are no elements, since some axis has extent zero.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether this is a placeholder made by [`unknown`](Tensor::unknown).
    #[doc(hidden)]
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.buffer.as_slice().is_empty() && !self.is_empty()
    }

    /// The elements in row-major order.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        &self.buffer.as_slice()[self.offset..self.offset + self.len()]
    }
}

#[track_caller]
fn check_len(operation: &'static str, shape: &Shape, len: usize) -> Result<(), ShapeError> {
    if len == shape.elements() {
        return Ok(());
    }
    let problem = format!("needs {} elements but got {len}", shape.elements());
    Err(ShapeError::new(operation, &[shape], problem))
}

impl<T> Clone for Tensor<T> {
    fn clone(&self) -> Self {
        let Self { shape, buffer, offset } = self;
        Self { shape: shape.clone(), buffer: buffer.clone(), offset: *offset }
    }
}

impl<T: Scalar> PartialEq for Tensor<T> {
    /// Same shape and equal elements (a NaN equals nothing).
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape && self.as_slice() == other.as_slice()
    }
}
