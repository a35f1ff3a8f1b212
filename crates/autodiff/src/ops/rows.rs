//! Gathering and scattering of rows by index, as in an embedding table.

use bptt_tensor::{Scalar, Shape, ShapeError, Tensor, shape};

use crate::tape::primitive::{GatherRows, ScatterRows};
use crate::tape::{Class, OpClass, Operation, Pullback};

impl<T: Scalar> Operation<T> for GatherRows {
    fn name(&self) -> &'static str {
        "gather_rows"
    }

    fn class(&self) -> OpClass<T> {
        Class::Movement.into()
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        shape::gather_rows(inputs[0], &self.0)
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].gather_rows(&self.0)
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let g = at.cotangent();
        at.add_rows(0, &self.0, || g);
    }
}

impl<T: Scalar> Operation<T> for ScatterRows {
    fn name(&self) -> &'static str {
        "scatter_rows"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        shape::scatter_rows(inputs[0], &self.indices, self.rows)
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let mut whole = Tensor::zeros(inputs[0].shape().with(0, self.rows));
        whole.scatter_add_rows(&self.indices, inputs[0]);
        whole
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let g = at.cotangent();
        at.add(0, || g.gather_rows(&self.indices));
    }
}
