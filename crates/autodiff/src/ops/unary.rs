//! Functions of one element.

use bptt_tensor::{Scalar, Shape, ShapeError, Tensor};

use crate::{Operation, Pullback};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Unary {
    Neg,
    Abs,
    Sign,
    Square,
    Sqrt,
    Recip,
    Exp,
    Ln,
    Sin,
    Cos,
    Tanh,
    Sigmoid,
    Relu,
    Softplus,
    Powf(f64),
}

impl<T: Scalar> Operation<T> for Unary {
    fn name(&self) -> &'static str {
        match self {
            Self::Neg => "neg",
            Self::Abs => "abs",
            Self::Sign => "sign",
            Self::Square => "square",
            Self::Sqrt => "sqrt",
            Self::Recip => "recip",
            Self::Exp => "exp",
            Self::Ln => "ln",
            Self::Sin => "sin",
            Self::Cos => "cos",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
            Self::Relu => "relu",
            Self::Softplus => "softplus",
            Self::Powf(_) => "powf",
        }
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        Ok(inputs[0].into())
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let x = inputs[0];
        match *self {
            Self::Neg => x.neg(),
            Self::Abs => x.abs(),
            Self::Sign => x.sign(),
            Self::Square => x.square(),
            Self::Sqrt => x.sqrt(),
            Self::Recip => x.recip(),
            Self::Exp => x.exp(),
            Self::Ln => x.ln(),
            Self::Sin => x.sin(),
            Self::Cos => x.cos(),
            Self::Tanh => x.tanh(),
            Self::Sigmoid => x.sigmoid(),
            Self::Relu => x.relu(),
            Self::Softplus => x.softplus(),
            Self::Powf(exponent) => x.powf(T::of(exponent)),
        }
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (x, y, g) = (at.input(0), at.output(), at.cotangent());
        match *self {
            Self::Neg => at.add(0, || -g),
            Self::Abs => at.add(0, || g * x.sign()),
            Self::Sign => {} // zero almost everywhere
            Self::Square => at.add(0, || g * x * 2.0),
            Self::Sqrt => at.add(0, || g * 0.5 / y),
            Self::Recip => at.add(0, || -g * y * y),
            Self::Exp => at.add(0, || g * y),
            Self::Ln => at.add(0, || g / x),
            Self::Sin => at.add(0, || g * x.cos()),
            Self::Cos => at.add(0, || -g * x.sin()),
            Self::Tanh => at.add(0, || g.tanh_slope(y)),
            Self::Sigmoid => at.add(0, || g.sigmoid_slope(y)),
            Self::Relu => at.add(0, || g * x.gt(0.0)),
            Self::Softplus => at.add(0, || g * x.sigmoid()),
            Self::Powf(0.0) => {} // x⁰ = 1, at x = 0 as well
            Self::Powf(p) => at.add(0, || g * (x.powf(p - 1.0) * p)),
        }
    }
}
