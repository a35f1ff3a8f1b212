//! Functions of two operands, element by element. Broadcasting costs their rules nothing:
//! [`Pullback::add`] sums over what was stretched.

use bptt_tensor::{Binary, Scalar, Shape, ShapeError, Tensor, shape};

use crate::{Operation, Pullback};

impl<T: Scalar> Operation<T> for Binary {
    fn name(&self) -> &'static str {
        (*self).name()
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        shape::broadcast((*self).name(), inputs[0], inputs[1])
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].binary(*self, inputs[1])
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
            // constant almost everywhere
            Self::Greater
            | Self::GreaterEqual
            | Self::Less
            | Self::LessEqual
            | Self::Equal
            | Self::NotEqual => {}
        }
    }
}
