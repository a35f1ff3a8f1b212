//! The operators `+ - * /` and unary `-`.

use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use super::Tensor;
use super::operand::Operand;
use crate::kernels::binary::Binary;
use crate::kernels::unary::Unary;
use crate::scalar::Scalar;

/// An operator between tensors, owned or borrowed, and numbers.
macro_rules! operator {
    ($trait:ident $method:ident) => {
        operator!($trait $method: Tensor<T>, Tensor<T>);
        operator!($trait $method: Tensor<T>, &Tensor<T>);
        operator!($trait $method: Tensor<T>, f64);
        operator!($trait $method: &Tensor<T>, Tensor<T>);
        operator!($trait $method: &Tensor<T>, &Tensor<T>);
        operator!($trait $method: &Tensor<T>, f64);
        operator!($trait $method: f64, Tensor<T>);
        operator!($trait $method: f64, &Tensor<T>);
    };
    ($trait:ident $method:ident: $left:ty, $right:ty) => {
        impl<T: Scalar> $trait<$right> for $left {
            type Output = Tensor<T>;

            /// Broadcasts as in NumPy.
            ///
            /// # Panics
            ///
            /// If the shapes do not broadcast.
            #[track_caller]
            fn $method(self, right: $right) -> Tensor<T> {
                Operand::<T>::tensor(&self).binary(Binary::$trait, &Operand::<T>::tensor(&right))
            }
        }
    };
}

operator!(Add add);
operator!(Sub sub);
operator!(Mul mul);
operator!(Div div);

/// Compound assignment: the result overwrites the left operand.
macro_rules! assigning_operator {
    ($trait:ident $method:ident $op:tt) => {
        assigning_operator!($trait $method $op Tensor<T>);
        assigning_operator!($trait $method $op &Tensor<T>);
        assigning_operator!($trait $method $op f64);
    };
    ($trait:ident $method:ident $op:tt $right:ty) => {
        impl<T: Scalar> $trait<$right> for Tensor<T> {
            /// Broadcasts the right operand to the shape of the left. Copies the elements first if
            /// another tensor shares the buffer.
            ///
            /// # Panics
            ///
            /// If the right operand does not broadcast to the left operand's shape.
            #[track_caller]
            fn $method(&mut self, right: $right) {
                self.update(stringify!($method), &Operand::<T>::tensor(&right), |x, y| x $op y);
            }
        }
    };
}

assigning_operator!(AddAssign add_assign +);
assigning_operator!(SubAssign sub_assign -);
assigning_operator!(MulAssign mul_assign *);
assigning_operator!(DivAssign div_assign /);

impl<T: Scalar> Neg for Tensor<T> {
    type Output = Self;

    fn neg(self) -> Self {
        self.unary(Unary::Neg)
    }
}

impl<T: Scalar> Neg for &Tensor<T> {
    type Output = Tensor<T>;

    fn neg(self) -> Tensor<T> {
        self.unary(Unary::Neg)
    }
}
