//! Elementwise functions of two operands. Their gradient rules ignore broadcasting, since
//! [`Pullback::add`] sums over the stretched axes.
//!
//! [`Binary::ChainMul`] and [`Binary::ChainDiv`] multiply cotangents by slopes. There, a factor of
//! 0 gives 0, even beside an infinity or NaN. Both are linear in the cotangent, and their own rules
//! use them again. So the property holds for derivatives of all orders.

use bptt_tensor::{Binary, Scalar, Shape, ShapeError, Tensor, shape};

use crate::tape::{Class, Function, OpClass, Operation, Pullback};

impl<T: Scalar> Operation<T> for Binary {
    fn name(&self) -> &'static str {
        (*self).name()
    }

    fn class(&self) -> OpClass<T> {
        Class::Elementwise(Function::Binary(*self)).into()
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
            // `y = a − b ⌊a / b⌋`, and the quotient is constant almost everywhere
            Self::Rem => {
                at.add(0, || g);
                at.add(1, || g.chain_mul(((y - a) / b).round()));
            }
            Self::Mul | Self::ChainMul => {
                at.add(0, || g.chain_mul(b));
                at.add(1, || g.chain_mul(a));
            }
            Self::Div | Self::ChainDiv => {
                at.add(0, || g.chain_div(b));
                at.add(1, || (-g).chain_mul(y).chain_div(b));
            }
            Self::Gate | Self::ChainGate => {
                at.add(0, || g.chain_mul(b.sigmoid_of_tail()));
                at.add(1, || g.chain_mul(a));
            }
            Self::Pow => {
                at.add(0, || g.chain_mul(b.chain_mul(a.pow(b - 1.0))));
                // 0ᵇ is 0 for b > 0 and jumps at b = 0
                let is_jump = || a.equal(0.0) * b.equal(0.0);
                at.add(1, || g.chain_mul(is_jump().select(0.0, y.chain_mul(a.ln()))));
            }
            // at a tie, each operand gets half of the gradient
            Self::Maximum => {
                at.add(0, || g.chain_mul(a.gt(b) + a.equal(b) * 0.5));
                at.add(1, || g.chain_mul(b.gt(a) + a.equal(b) * 0.5));
            }
            Self::Minimum => {
                at.add(0, || g.chain_mul(a.lt(b) + a.equal(b) * 0.5));
                at.add(1, || g.chain_mul(b.lt(a) + a.equal(b) * 0.5));
            }
            Self::TanhVjp => {
                at.add(0, || g.tanh_vjp(b));
                at.add(1, || g.chain_mul(a).chain_mul(b * -2.0));
            }
            Self::SigmoidVjp => {
                at.add(0, || g.sigmoid_vjp(b));
                at.add(1, || g.chain_mul(a).chain_mul(1.0 - b.sigmoid_of_tail() * 2.0));
            }
            // comparisons are constant almost everywhere, so their gradient is zero
            Self::Greater
            | Self::GreaterEqual
            | Self::Less
            | Self::LessEqual
            | Self::Equal
            | Self::NotEqual => {}
        }
    }
}
