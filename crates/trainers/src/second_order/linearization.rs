//! An objective near the present parameters: its gradient, and products with Jacobians and the Gauss–Newton matrix.

use bptt_autodiff::{Tape, Var};
use bptt_layers::Module;
use bptt_tensor::{Scalar, Tensor};
use nalgebra::DMatrix;

use crate::vector::{self, Vector};

/// An objective on a tape, linearized at the parameters of a model.
///
/// What all products share is recorded once. A product itself is recorded [aside](Tape::aside), so however many there
/// are, they leave nothing on the tape.
#[derive(Debug)]
pub(crate) struct Linearization<'t, T: Scalar> {
    tape: &'t Tape<T>,
    parameters: Vec<Var<'t, T>>,
    loss: Var<'t, T>,
}

/// Values on a tape whose Jacobian with respect to the parameters is `J`.
#[derive(Debug)]
pub(crate) struct Jacobian<'t, T: Scalar> {
    outputs: Var<'t, T>,
    /// A cotangent `w` of the outputs, and `Jᵀ w` as a function of it. It is linear, and its derivative along `v` is
    /// `J v`.
    cotangent: Var<'t, T>,
    pulled: Vec<Var<'t, T>>,
}

impl<'t, T: Scalar> Jacobian<'t, T> {
    pub(crate) fn outputs(&self) -> Var<'t, T> {
        self.outputs
    }
}

impl<'t, T: Scalar> Linearization<'t, T> {
    pub(crate) fn new(model: &dyn Module<T>, tape: &'t Tape<T>, loss: Var<'t, T>) -> Self {
        let parameters = model.parameters();
        let parameters = parameters.into_iter().map(|(_, parameter)| tape.param(parameter));
        Self { tape, parameters: parameters.collect(), loss }
    }

    /// Returns the gradient of the loss.
    pub(crate) fn gradient(&self) -> Vector {
        let one = self.tape.constant(Tensor::ones(self.loss.shape()));
        self.pull(self.loss, one)
    }

    /// Records what products with the Jacobian of `outputs` share.
    pub(crate) fn jacobian(&self, outputs: Var<'t, T>) -> Jacobian<'t, T> {
        let cotangent = self.tape.variable(Tensor::zeros(outputs.shape()));
        let pulled = self.tape.vjp(&[(outputs, cotangent)], &self.parameters);
        Jacobian { outputs, cotangent, pulled }
    }

    /// Returns `J v`, in the shape of the outputs.
    pub(crate) fn product(&self, jacobian: &Jacobian<'t, T>, v: &Vector) -> Tensor<T> {
        let _recorded = self.tape.aside();
        let shapes = self.parameters.iter().map(|parameter| parameter.shape());
        let tangents = vector::parts(v, shapes).map(|tangent| self.tape.constant(tangent));
        let pairs: Vec<_> = jacobian.pulled.iter().copied().zip(tangents).collect();
        self.tape.vjp(&pairs, &[jacobian.cotangent])[0].value()
    }

    /// Returns `Jᵀ u`.
    pub(crate) fn transposed_product(&self, jacobian: &Jacobian<'t, T>, u: Tensor<T>) -> Vector {
        let _recorded = self.tape.aside();
        self.pull(jacobian.outputs, self.tape.constant(u))
    }

    /// Returns an estimate of the diagonal of `Jᵀ H J` from random signs `s` of the `n` outputs, where `image` is `H s`:
    /// `(Jᵀ H s)² n / sᵀ H s`. On average it is exact if `H` is a multiple of the identity.
    pub(crate) fn diagonal(
        &self,
        jacobian: &Jacobian<'t, T>,
        signs: &Tensor<T>,
        image: Tensor<T>,
    ) -> Vector {
        let products = signs.iter().zip(&image).map(|(s, h)| s.as_f64() * h.as_f64());
        let scale = products.sum::<f64>() / signs.len() as f64;
        let pulled = self.transposed_product(jacobian, image);
        if scale > 0.0 { pulled.map(|x| x * x / scale) } else { Vector::zeros(pulled.len()) }
    }

    /// Returns the matrix `J` of outputs, `[R, P]`, and the number of passes it took: row by row, or column by column,
    /// whichever takes fewer.
    pub(crate) fn matrix(&self, outputs: Var<'t, T>) -> (DMatrix<f64>, usize) {
        let (rows, columns) = (outputs.shape().elements(), self.size());
        let mut matrix = DMatrix::zeros(rows, columns);
        if rows <= 2 * columns {
            for i in 0..rows {
                let _recorded = self.tape.aside();
                let unit = self.tape.constant(vector::unit(outputs.shape(), i));
                let row = self.pull(outputs, unit);
                matrix.set_row(i, &row.transpose());
            }
            return (matrix, rows);
        }
        let jacobian = self.jacobian(outputs);
        for j in 0..columns {
            let mut unit = Vector::zeros(columns);
            unit[j] = 1.0;
            matrix.set_column(j, &vector::of_tensor(&self.product(&jacobian, &unit)));
        }
        (matrix, 2 * columns)
    }

    /// Returns the number of parameters.
    pub(crate) fn size(&self) -> usize {
        self.parameters.iter().map(|parameter| parameter.shape().elements()).sum()
    }

    /// Returns the gradient of `Σ y · cotangent` with respect to the parameters.
    fn pull(&self, y: Var<'t, T>, cotangent: Var<'t, T>) -> Vector {
        let gradients = self.tape.vjp(&[(y, cotangent)], &self.parameters);
        let mut elements = Vec::with_capacity(self.size());
        for gradient in gradients {
            elements.extend(gradient.value().iter().map(|x| x.as_f64()));
        }
        Vector::from_vec(elements)
    }
}
