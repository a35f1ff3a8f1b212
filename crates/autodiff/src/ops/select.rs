//! Operations that route gradients: selection and `stop_gradient`.

use bptt_tensor::{Scalar, Shape, ShapeError, Tensor, Unary, shape};

use crate::tape::primitive::{Select, StopGradient};
use crate::tape::{Class, Function, OpClass, Operation, Pullback};

impl<T: Scalar> Operation<T> for Select {
    fn name(&self) -> &'static str {
        "select"
    }

    fn class(&self) -> OpClass<T> {
        Class::Elementwise(Function::Select).into()
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        let choices = shape::broadcast("select", inputs[1], inputs[2])?;
        shape::broadcast("select", inputs[0], &choices)
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        Tensor::select(inputs[0], inputs[1], inputs[2])
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (condition, g) = (at.input(0), at.cotangent());
        // a selection rather than a product with 0 or 1, so that a NaN that was not chosen has no
        // effect
        at.add(1, || condition.select(g, 0.0));
        at.add(2, || condition.select(0.0, g));
    }
}

impl<T: Scalar> Operation<T> for StopGradient {
    fn name(&self) -> &'static str {
        "stop_gradient"
    }

    fn class(&self) -> OpClass<T> {
        Class::Elementwise(Function::Unary(Unary::Identity)).into()
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        Ok(inputs[0].into())
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].clone()
    }

    fn gradient(&self, _: &mut Pullback<'_, '_, T>) {}
}
