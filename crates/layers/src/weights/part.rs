//! Parameters and parts of them, combined into the tensors of another framework.

use std::ops::Range;

use bptt_autodiff::Param;
use bptt_tensor::shape::{self, ShapeError};
use bptt_tensor::{Scalar, Shape, Tensor};

/// A parameter, a part of a parameter, or several parts combined.
///
/// `&param` is the whole parameter. Shapes that do not fit panic only where a [`Layout`](super::Layout) takes the
/// part, since the layout knows the name of the tensor.
#[derive(Clone, Debug)]
pub struct Part<'m, T> {
    form: Form<'m, T>,
    shape: Result<Shape, ShapeError>,
}

#[derive(Clone, Debug)]
enum Form<'m, T> {
    Piece(Piece<'m, T>),
    Joined { axis: usize, parts: Vec<Part<'m, T>> },
    Permuted { order: Vec<usize>, part: Box<Part<'m, T>> },
    Reshaped(Box<Part<'m, T>>),
}

/// A parameter, or the entries of one axis that are within a range.
#[derive(Clone, Debug)]
pub(super) struct Piece<'m, T> {
    pub(super) param: &'m Param<T>,
    pub(super) range: Option<(usize, Range<usize>)>,
}

impl<'m, T> Part<'m, T> {
    /// These columns of a parameter: entries along the last axis. Columns of a vector are its elements.
    #[must_use]
    pub fn columns(param: &'m Param<T>, columns: Range<usize>) -> Self
    where
        T: Scalar,
    {
        Self::slice(param, -1, columns)
    }

    /// These rows of a parameter: entries along the first axis.
    #[must_use]
    pub fn rows(param: &'m Param<T>, rows: Range<usize>) -> Self
    where
        T: Scalar,
    {
        Self::slice(param, 0, rows)
    }

    fn slice(param: &'m Param<T>, axis: isize, range: Range<usize>) -> Self
    where
        T: Scalar,
    {
        let axis = shape::axis("a part", param.shape(), axis);
        let shape = axis.clone().and_then(|axis| shape::slice(param.shape(), axis, &range));
        let piece = Piece { param, range: axis.ok().map(|axis| (axis, range)) };
        Self { form: Form::Piece(piece), shape }
    }

    /// Concatenates parts along the last axis.
    #[must_use]
    pub fn beside<P: Into<Self>>(parts: impl IntoIterator<Item = P>) -> Self {
        Self::joined(parts, -1)
    }

    /// Concatenates parts along the first axis.
    #[must_use]
    pub fn stacked<P: Into<Self>>(parts: impl IntoIterator<Item = P>) -> Self {
        Self::joined(parts, 0)
    }

    /// A single part stays as it is.
    fn joined<P: Into<Self>>(parts: impl IntoIterator<Item = P>, axis: isize) -> Self {
        let mut parts: Vec<Self> = parts.into_iter().map(Into::into).collect();
        if parts.len() == 1 {
            return parts.remove(0);
        }
        let joined = || {
            let shapes: Vec<_> =
                parts.iter().map(|part| part.shape.clone()).collect::<Result<_, _>>()?;
            let shapes: Vec<&[usize]> = shapes.iter().map(|shape: &Shape| &shape[..]).collect();
            let first = shapes.first().copied().unwrap_or_default();
            let axis = shape::axis("parts", first, axis)?;
            Ok((axis, shape::concat(&shapes, axis)?))
        };
        let (axis, shape) = match joined() {
            Ok((axis, shape)) => (axis, Ok(shape)),
            Err(error) => (0, Err(error)),
        };
        Self { form: Form::Joined { axis, parts }, shape }
    }

    /// This part with its axes in another order: axis `i` there is axis `order[i]` here.
    #[must_use]
    pub fn permuted(self, order: &[usize]) -> Self {
        let shape = self.shape.clone().and_then(|shape| shape::permute(&shape, order));
        Self { form: Form::Permuted { order: order.to_vec(), part: Box::new(self) }, shape }
    }

    /// This part with its axes in reverse order.
    pub(super) fn transposed(self) -> Self {
        let rank = self.shape.as_ref().map_or(0, |shape| shape.len());
        self.permuted(&(0..rank).rev().collect::<Vec<_>>())
    }

    /// This part's elements in another shape with the same number of elements.
    #[must_use]
    pub fn reshaped(self, shape: &[usize]) -> Self {
        let shape = self.shape.clone().and_then(|from| shape::reshape(&from, shape));
        Self { form: Form::Reshaped(Box::new(self)), shape }
    }

    /// This part cut into rows.
    pub(super) fn cut(self, rows: usize) -> Self {
        let elements = self.shape.as_ref().map_or(0, Shape::elements);
        self.reshaped(&[rows, elements.checked_div(rows).unwrap_or(0)])
    }

    pub(super) fn shape(&self) -> Result<&Shape, &ShapeError> {
        self.shape.as_ref()
    }

    /// The pieces of this part.
    pub(super) fn pieces(&self) -> Vec<&Piece<'m, T>> {
        match &self.form {
            Form::Piece(piece) => vec![piece],
            Form::Joined { parts, .. } => parts.iter().flat_map(Self::pieces).collect(),
            Form::Permuted { part, .. } | Form::Reshaped(part) => part.pieces(),
        }
    }
}

impl<T: Scalar> Part<'_, T> {
    /// The value of this part, from the values of its pieces.
    pub(super) fn value(&self, of: &mut impl FnMut(&Piece<'_, T>) -> Tensor<T>) -> Tensor<T> {
        match &self.form {
            Form::Piece(piece) => of(piece),
            Form::Joined { axis, parts } => {
                let parts: Vec<_> = parts.iter().map(|part| part.value(of)).collect();
                Tensor::concat(&parts.iter().collect::<Vec<_>>(), *axis as isize)
            }
            Form::Permuted { order, part } => part.value(of).permute(order),
            Form::Reshaped(part) => part.value(of).reshape(self.checked_shape().clone()),
        }
    }

    /// Divides a value among the pieces.
    pub(super) fn divide(
        &self,
        value: &Tensor<T>,
        among: &mut impl FnMut(&Piece<'_, T>, Tensor<T>),
    ) {
        match &self.form {
            Form::Piece(piece) => among(piece, value.clone()),
            Form::Joined { axis, parts } => {
                let mut start = 0;
                for part in parts {
                    let end = start + part.checked_shape()[*axis];
                    part.divide(&value.slice(*axis as isize, start..end), among);
                    start = end;
                }
            }
            Form::Permuted { order, part } => {
                let mut inverse = vec![0; order.len()];
                order.iter().enumerate().for_each(|(there, &here)| inverse[here] = there);
                part.divide(&value.permute(&inverse), among);
            }
            Form::Reshaped(part) => {
                part.divide(&value.reshape(part.checked_shape().clone()), among);
            }
        }
    }

    fn checked_shape(&self) -> &Shape {
        self.shape().expect("the layout has checked it")
    }
}

/// The whole parameter.
impl<'m, T: Scalar> From<&'m Param<T>> for Part<'m, T> {
    fn from(param: &'m Param<T>) -> Self {
        let shape = Ok(param.shape().clone());
        Self { form: Form::Piece(Piece { param, range: None }), shape }
    }
}

impl<T: Scalar> Piece<'_, T> {
    /// Takes this piece out of `left`, and leaves zeros there.
    pub(super) fn take(&self, left: &mut Tensor<T>) -> Tensor<T> {
        let taken = match &self.range {
            None => left.clone(),
            Some((axis, range)) => left.slice(*axis as isize, range.clone()),
        };
        self.set(left, &Tensor::zeros(taken.shape()));
        taken
    }

    pub(super) fn set(&self, whole: &mut Tensor<T>, value: &Tensor<T>) {
        match &self.range {
            None => *whole = value.clone(),
            Some((axis, range)) => whole.set_slice(*axis as isize, range.start, value),
        }
    }

    pub(super) fn add(&self, whole: &mut Tensor<T>, value: &Tensor<T>) {
        match &self.range {
            None => *whole += value,
            Some((axis, range)) => whole.add_slice(*axis as isize, range.start, value),
        }
    }
}
