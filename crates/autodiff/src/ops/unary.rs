//! Functions of one element.

use std::f64::consts::FRAC_2_SQRT_PI;

use bptt_tensor::{Scalar, Shape, ShapeError, Tensor, Unary};

use crate::tape::{Class, Function, OpClass, Operation, Pullback};

impl<T: Scalar> Operation<T> for Unary {
    fn name(&self) -> &'static str {
        (*self).name()
    }

    fn class(&self) -> OpClass<T> {
        Class::Elementwise(Function::Unary(*self)).into()
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        Ok(inputs[0].into())
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        match self {
            Self::Identity => inputs[0].clone(),
            _ => inputs[0].unary(*self),
        }
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (x, y, g) = (at.input(0), at.output(), at.stretched_cotangent());
        match *self {
            Self::Identity | Self::SigmoidOfTail => at.add_stretched(0, || g),
            Self::Neg => at.add_stretched(0, || -g),
            Self::Abs => at.add_stretched(0, || g.chain_mul(x.sign())),
            // the derivative is zero almost everywhere
            Self::Sign | Self::Floor | Self::Ceil | Self::Round => {}
            // 1 between the bounds, 0 beyond them, ½ at each
            Self::Clamp { low, high } => {
                let slope = || ((x - low).sign() + (high - x).sign()) * 0.5;
                at.add_stretched(0, || g.chain_mul(slope()));
            }
            Self::Square => at.add_stretched(0, || (g * 2.0).chain_mul(x)),
            Self::Sqrt => at.add_stretched(0, || (g * 0.5).chain_div(y)),
            Self::Recip => at.add_stretched(0, || (-g).chain_mul(y).chain_mul(y)),
            Self::Exp => at.add_stretched(0, || g.chain_mul(y)),
            Self::Expm1 => at.add_stretched(0, || g.chain_mul(x.exp())),
            Self::Ln => at.add_stretched(0, || g.chain_div(x)),
            Self::Log1p => at.add_stretched(0, || g.chain_div(x + 1.0)),
            Self::Sin => at.add_stretched(0, || g.chain_mul(x.cos())),
            Self::Cos => at.add_stretched(0, || (-g).chain_mul(x.sin())),
            Self::Tanh => at.add_stretched(0, || g.tanh_vjp(y)),
            Self::Erf => {
                at.add_stretched(0, || (g * FRAC_2_SQRT_PI).chain_mul((-x.square()).exp()));
            }
            Self::Sigmoid => at.add_stretched(0, || g.sigmoid_vjp(x.sigmoid_tail())),
            Self::SigmoidTail => at.add_stretched(0, || g.sigmoid_vjp(y)),
            Self::Relu => at.add_stretched(0, || g.chain_mul(x.gt(0.0))),
            Self::Softplus => at.add_stretched(0, || g.chain_mul(x.sigmoid())),
            Self::LogSigmoid => at.add_stretched(0, || g.chain_mul((-x).sigmoid())),
            Self::Powf(0.0) => {} // x⁰ = 1 for every x, including 0
            Self::Powf(p) => at.add_stretched(0, || g.chain_mul(x.powf(p - 1.0) * p)),
        }
    }
}
