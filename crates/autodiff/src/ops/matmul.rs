//! The matrix product.

use bptt_tensor::rows::multiply_matrices;
use bptt_tensor::{Scalar, Shape, ShapeError, Tensor, Transpose, shape};

use crate::tape::primitive::MatMul;
use crate::tape::{Class, OpClass, Operation, Pullback, RowFunction, Var};

impl<T: Scalar> Operation<T> for MatMul {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn class(&self) -> OpClass<T> {
        Class::Product(self.0).into()
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        shape::matmul(inputs[0], inputs[1], self.0)
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].matmul_with(inputs[1], self.0)
    }

    /// Of two batches of matrices, those of a row.
    fn by_rows(&self, inputs: &[&[usize]]) -> Option<RowFunction<T>> {
        let transpose = self.0;
        let stored = [*inputs[0].last_chunk::<2>()?, *inputs[1].last_chunk::<2>()?];
        let multiply = move |inputs: &[&[T]], c: &mut [T]| {
            multiply_matrices([inputs[0], inputs[1]], stored, transpose, c);
        };
        inputs.iter().all(|shape| shape.len() > 2).then(|| RowFunction::new(multiply))
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (a, b, g) = (at.input(0), at.input(1), at.cotangent());
        let Transpose { left, right } = self.0;
        // ∂A = G · op(B)ᵀ; if A is read transposed, ∂A = op(B) · Gᵀ
        match left {
            false => at.add_product(0, || (g, b), Transpose { left: false, right: !right }),
            true => at.add_product(0, || (b, g), Transpose { left: right, right: true }),
        }
        // ∂B = op(A)ᵀ · G; if B is read transposed, ∂B = Gᵀ · op(A). If B is one matrix, the sum is
        // over all rows of A
        let shared = b.shape().len() == 2 && a.shape().len() != 2;
        let rows = |x| if shared { as_rows(x) } else { x };
        match right {
            false => at.add_product(1, || (rows(a), rows(g)), Transpose { left: !left, right }),
            true => {
                at.add_product(1, || (rows(g), rows(a)), Transpose { left: right, right: left });
            }
        }
    }
}

/// `[.., F]` as the matrix `[rows, F]`.
fn as_rows<T: Scalar>(x: Var<'_, T>) -> Var<'_, T> {
    let shape = x.shape();
    let features = shape[shape.len() - 1];
    let rows: usize = shape[..shape.len() - 1].iter().product();
    x.reshape([rows, features])
}
