use bptt_autodiff::{Tape, Var};
use bptt_layers::{Module, Xoshiro256PlusPlus};
use bptt_tensor::{Scalar, Shape, Tensor};
use rand::RngExt;

use super::linearization::{Jacobian, Linearization};
use crate::error::TrainError;
use crate::objective::{Form, Objective};
use crate::vector::{self, Vector};

/// The Gauss–Newton matrix `G = Jᵀ H J` of an objective, by its products with vectors.
///
/// `J` is the Jacobian of the objective's outputs with respect to all parameters of the model, and `H` the Hessian of the loss
/// with respect to these outputs (Schraudolph 2002). For [squares](Objective::squares), `G = Jᵀ J`. A product takes two
/// reverse passes through the model, and for an objective of outputs one more through the loss. However many there are, they
/// leave nothing on the tape.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::{Elman, Layer, Module};
/// use bptt_tensor::Tensor;
/// use bptt_trainers::{GaussNewton, Objective};
///
/// let mut rng = bptt_layers::rng(0);
/// let elman = Elman::<f32>::new(&mut rng, 2, 3);
/// let tape = Tape::new();
/// let (ys, _state) = elman.forward(tape.constant(Tensor::normal([5, 4, 2], 0.0, 1.0, &mut rng)));
/// let matrix = GaussNewton::new(&elman, &tape, &Objective::squares(ys))?;
/// let v = Tensor::normal([elman.parameter_count()], 0.0, 1.0, &mut rng);
/// let recorded = tape.len();
/// let curvature = (matrix.product(&v) * &v).sum_all(); // vᵀ G v
/// assert!(curvature.item() > 0.0);
/// assert_eq!(tape.len(), recorded);
/// # Ok::<(), bptt_trainers::TrainError>(())
/// ```
#[derive(Debug)]
pub struct GaussNewton<'t, T: Scalar> {
    linearization: Linearization<'t, T>,
    jacobian: Jacobian<'t, T>,
    /// The gradient of the loss with respect to the outputs, whose derivative is `H`; `None` if `H` is the identity.
    slope: Option<Var<'t, T>>,
}

impl<'t, T: Scalar> GaussNewton<'t, T> {
    /// Records on the tape of the objective what all products share.
    ///
    /// # Errors
    ///
    /// If the objective is a loss without outputs, or does not depend on them.
    ///
    /// # Panics
    ///
    /// If the objective is on another tape.
    #[track_caller]
    pub fn new(
        model: &dyn Module<T>,
        tape: &'t Tape<T>,
        objective: &Objective<'t, T>,
    ) -> Result<Self, TrainError> {
        Self::of("GaussNewton", model, tape, objective)
    }

    #[track_caller]
    pub(super) fn of(
        trainer: &'static str,
        model: &dyn Module<T>,
        tape: &'t Tape<T>,
        objective: &Objective<'t, T>,
    ) -> Result<Self, TrainError> {
        let linearization = Linearization::new(model, tape, objective.loss);
        let (outputs, slope) = match objective.form {
            Form::Loss => return Err(TrainError::NoOutputs { trainer }),
            Form::Squares(residuals) => (residuals, None),
            Form::OfOutputs(outputs) => {
                let [slope] = tape.grad(objective.loss, [outputs]);
                let is_zero = slope.value().iter().all(|x| *x == T::zero());
                if is_zero && linearization.gradient().amax() > 0.0 {
                    return Err(TrainError::UnusedOutputs);
                }
                (outputs, Some(slope))
            }
        };
        let jacobian = linearization.jacobian(outputs);
        Ok(Self { linearization, jacobian, slope })
    }

    /// Returns `G v` for a vector `[P]` in the order of [`parameters_to_vector`](crate::parameters_to_vector).
    ///
    /// # Panics
    ///
    /// If `v` is not a vector of as many elements as the model has parameters.
    #[track_caller]
    #[must_use]
    pub fn product(&self, v: &Tensor<T>) -> Tensor<T> {
        let size = self.linearization.size();
        assert!(
            v.shape()[..] == [size],
            "a vector for products with this matrix is [{size}], not {}",
            v.shape()
        );
        vector::to_tensor(&self.times(&vector::of_tensor(v)))
    }

    pub(super) fn linearization(&self) -> &Linearization<'t, T> {
        &self.linearization
    }

    /// Returns `G v`.
    pub(super) fn times(&self, v: &Vector) -> Vector {
        let tangent = self.linearization.product(&self.jacobian, v);
        let image = self.hessian_product(tangent);
        self.linearization.transposed_product(&self.jacobian, image)
    }

    /// Returns `H u`.
    fn hessian_product(&self, u: Tensor<T>) -> Tensor<T> {
        let Some(slope) = self.slope else { return u };
        let tape = slope.tape();
        let _recorded = tape.aside();
        tape.vjp(&[(slope, tape.constant(u))], &[self.jacobian.outputs()])[0].value()
    }

    /// Returns an estimate of the diagonal of `G` by one product with random signs.
    pub(super) fn diagonal(&self, rng: &mut Xoshiro256PlusPlus) -> Vector {
        let signs = signs(&self.jacobian.outputs().shape(), rng);
        let image = self.hessian_product(signs.clone());
        self.linearization.diagonal(&self.jacobian, &signs, image)
    }
}

/// Returns a tensor of −1 and 1 at random.
pub(super) fn signs<T: Scalar>(shape: &Shape, rng: &mut Xoshiro256PlusPlus) -> Tensor<T> {
    Tensor::from_fn(shape.clone(), |_| if rng.random() { T::one() } else { -T::one() })
}

#[cfg(test)]
mod tests {
    use bptt_autodiff::Param;

    use super::*;

    /// The mean of many estimates is the diagonal of `Aᵀ A`, for residuals `A w` with entries of very different size.
    #[test]
    fn the_estimated_diagonal_is_right_on_average() {
        let mut rng = bptt_layers::rng(0);
        let a: Tensor<f64> = Tensor::normal([30, 4], 0.0, 1.0, &mut rng);
        let a = a * Tensor::from([1e-3, 1.0, 10.0, 100.0]);
        let model = Param::new(Tensor::ones([4, 1]));
        let tape = Tape::new();
        let objective = Objective::squares(tape.constant(a.clone()).matmul(&model));
        let matrix = GaussNewton::new(&model, &tape, &objective).expect("residuals");
        const ESTIMATES: usize = 2000;
        let mut mean = Vector::zeros(4);
        for _ in 0..ESTIMATES {
            mean += matrix.diagonal(&mut rng) / ESTIMATES as f64;
        }
        for (estimate, exact) in mean.iter().zip(&a.square().sum(&[0])) {
            // the deviation of one estimate is at most √2 of its mean
            let error = (estimate / exact - 1.0).abs();
            assert!(error < 4.0 * (2.0 / ESTIMATES as f64).sqrt(), "{estimate} is not {exact}");
        }
    }
}
