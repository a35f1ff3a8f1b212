//! Functions of two operands, element by element. Broadcasting costs their rules nothing:
//! [`Pullback::add`] sums over what was stretched.

use bptt_tensor::{Scalar, Shape, ShapeError, Tensor, shape};

use crate::{Operation, Pullback};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Maximum,
    Minimum,
    /// `a ⊙ (1 − b²)`: the cotangent `a` of a hyperbolic tangent with output `b`. An operation of
    /// its own because the reverse pass of every gate takes it: one sweep in place of three.
    TanhSlope,
    /// `a ⊙ b ⊙ (1 − b)`: likewise for the logistic function.
    SigmoidSlope,
}

impl Binary {
    fn symbol(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Sub => "sub",
            Self::Mul => "mul",
            Self::Div => "div",
            Self::Maximum => "maximum",
            Self::Minimum => "minimum",
            Self::TanhSlope => "tanh_slope",
            Self::SigmoidSlope => "sigmoid_slope",
        }
    }
}

impl<T: Scalar> Operation<T> for Binary {
    fn name(&self) -> &'static str {
        self.symbol()
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        shape::broadcast(self.symbol(), inputs[0], inputs[1])
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let (a, b) = (inputs[0], inputs[1]);
        match self {
            Self::Add => a.add(b),
            Self::Sub => a.sub(b),
            Self::Mul => a.mul(b),
            Self::Div => a.div(b),
            Self::Maximum => a.maximum(b),
            Self::Minimum => a.minimum(b),
            Self::TanhSlope => a.zip("tanh_slope", b, |g, y| g * (T::one() - y * y)),
            Self::SigmoidSlope => a.zip("sigmoid_slope", b, |g, y| g * y * (T::one() - y)),
        }
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (a, b, y, g) = (at.input(0), at.input(1), at.output(), at.cotangent());
        match self {
            Self::Add => {
                at.add(0, || g);
                at.add(1, || g);
            }
            Self::Sub => {
                at.add(0, || g);
                at.add(1, || -g);
            }
            Self::Mul => {
                at.add(0, || g * b);
                at.add(1, || g * a);
            }
            Self::Div => {
                at.add(0, || g / b);
                at.add(1, || -g * y / b);
            }
            // a tie is shared evenly
            Self::Maximum => {
                at.add(0, || g * (a.gt(b) + a.equal(b) * 0.5));
                at.add(1, || g * (b.gt(a) + a.equal(b) * 0.5));
            }
            Self::Minimum => {
                at.add(0, || g * (a.lt(b) + a.equal(b) * 0.5));
                at.add(1, || g * (b.lt(a) + a.equal(b) * 0.5));
            }
            Self::TanhSlope => {
                at.add(0, || g.tanh_slope(b));
                at.add(1, || g * a * b * -2.0);
            }
            Self::SigmoidSlope => {
                at.add(0, || g.sigmoid_slope(b));
                at.add(1, || g * a * (1.0 - b * 2.0));
            }
        }
    }
}

/// 1 where the relation holds, else 0. Constant almost everywhere, so the gradient is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    Equal,
}

impl Compare {
    fn symbol(self) -> &'static str {
        match self {
            Self::Greater => "gt",
            Self::GreaterEqual => "ge",
            Self::Less => "lt",
            Self::LessEqual => "le",
            Self::Equal => "equal",
        }
    }
}

impl<T: Scalar> Operation<T> for Compare {
    fn name(&self) -> &'static str {
        self.symbol()
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        shape::broadcast(self.symbol(), inputs[0], inputs[1])
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let (a, b) = (inputs[0], inputs[1]);
        match self {
            Self::Greater => a.gt(b),
            Self::GreaterEqual => a.ge(b),
            Self::Less => a.lt(b),
            Self::LessEqual => a.le(b),
            Self::Equal => a.equal(b),
        }
    }

    fn gradient(&self, _: &mut Pullback<'_, '_, T>) {}
}
