//! Operations along one axis: cumulative sums, sorting, and gathering and scattering by index.

use bptt_tensor::{Scalar, Shape, ShapeError, Tensor, shape};

use crate::tape::primitive::{ArgSort, CumSum, GatherAlong, ScatterAlong};
use crate::tape::{Class, Op, OpClass, Operation, Pullback};

impl<T: Scalar> Operation<T> for CumSum {
    fn name(&self) -> &'static str {
        if self.is_reversed { "reverse_cumsum" } else { "cumsum" }
    }

    fn class(&self) -> OpClass<T> {
        OpClass::opaque_with("multiply by a triangular matrix of ones, `x.matmul(&ones)`")
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        Ok(inputs[0].into())
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let axis = self.axis as isize;
        if self.is_reversed { inputs[0].reverse_cumsum(axis) } else { inputs[0].cumsum(axis) }
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (tape, g) = (at.tape, at.cotangent());
        let transpose = Self { is_reversed: !self.is_reversed, ..*self };
        at.add(0, || tape.record(Op::CumSum(transpose), &[g]));
    }
}

impl<T: Scalar> Operation<T> for ArgSort {
    fn name(&self) -> &'static str {
        match self {
            Self::All { .. } => "argsort",
            Self::Top { .. } => "topk",
        }
    }

    fn class(&self) -> OpClass<T> {
        Class::Positions.into()
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        match *self {
            Self::All { .. } => Ok(inputs[0].into()),
            Self::Top { k, axis } => shape::top("topk", inputs[0], axis, k),
        }
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        match *self {
            Self::All { axis } => inputs[0].argsort(axis as isize),
            Self::Top { k, axis } => inputs[0].top_indices(k, axis as isize),
        }
    }

    /// Positions are constant almost everywhere.
    fn gradient(&self, _: &mut Pullback<'_, '_, T>) {}
}

impl<T: Scalar> Operation<T> for GatherAlong {
    fn name(&self) -> &'static str {
        "gather_along"
    }

    fn class(&self) -> OpClass<T> {
        Class::Movement.into()
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        shape::gather_along(inputs[0], self.axis, inputs[1])
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].gather_along(inputs[1], self.axis as isize)
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (x, indices, g) = (at.input(0), at.input(1), at.cotangent());
        let extent = x.shape()[self.axis];
        at.add(0, || g.scatter_along(indices, self.axis as isize, extent));
    }
}

impl<T: Scalar> Operation<T> for ScatterAlong {
    fn name(&self) -> &'static str {
        "scatter_along"
    }

    fn class(&self) -> OpClass<T> {
        Class::Movement.into()
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        shape::scatter_along(inputs[0], self.axis, inputs[1], self.extent)
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].scatter_along(inputs[1], self.axis as isize, self.extent)
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (indices, g) = (at.input(1), at.cotangent());
        at.add(0, || g.gather_along(indices, self.axis as isize));
    }
}
