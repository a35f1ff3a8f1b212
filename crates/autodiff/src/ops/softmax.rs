//! Softmax and its logarithms. They are single operations, because composed of exponentials, they
//! and their gradients would overflow.

use bptt_tensor::{Scalar, Shape, ShapeError, Tensor};

use crate::tape::primitive::{LogSoftmax, LogSumExp, Softmax};
use crate::tape::{Operation, Pullback};

impl<T: Scalar> Operation<T> for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        Ok(inputs[0].into())
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].softmax(self.axis as isize)
    }

    /// `∂x = y ⊙ (g − Σ g ⊙ y)`
    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (y, g) = (at.output(), at.cotangent());
        at.add(0, || (g - g.chain_mul(y).sum_keep(&[self.axis as isize])).chain_mul(y));
    }
}

impl<T: Scalar> Operation<T> for LogSoftmax {
    fn name(&self) -> &'static str {
        "log_softmax"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        Ok(inputs[0].into())
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].log_softmax(self.axis as isize)
    }

    /// `∂x = g − eʸ Σ g`
    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (y, g) = (at.output(), at.cotangent());
        at.add(0, || g - g.sum_keep(&[self.axis as isize]).chain_mul(y.exp()));
    }
}

impl<T: Scalar> Operation<T> for LogSumExp {
    fn name(&self) -> &'static str {
        "logsumexp"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        Ok(Shape::from(inputs[0]).without(self.axis))
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].logsumexp(self.axis as isize)
    }

    /// `∂x = g · softmax(x)`
    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (x, g) = (at.input(0), at.cotangent());
        at.add(0, || {
            let g = g.reshape(x.shape().with(self.axis, 1));
            g.chain_mul(x.softmax(self.axis as isize))
        });
    }
}
