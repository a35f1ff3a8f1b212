use bptt_autodiff::{Tape, Var};
use bptt_layers::{Module, Xoshiro256PlusPlus};
use bptt_tensor::{Scalar, Tensor};
use rand::RngExt;

use super::linearization::{Jacobian, Linearization};
use crate::error::TrainError;
use crate::objective::{Form, Objective};
use crate::vector::{self, Vector};

/// The Gauss–Newton matrix `G = Jᵀ H J` of an objective, by its products with vectors.
///
/// `J` is the Jacobian of the objective's outputs with respect to all parameters of the model, and `H` the Hessian of the loss
/// with respect to these outputs (Schraudolph 2002). For [squares](Objective::squares), `G = Jᵀ J`. A product takes two
/// reverse passes. It is recorded aside, so that however many there are, they leave nothing on the tape.
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
    /// If the objective is a loss without outputs.
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

    /// Returns an estimate of the diagonal of `G` by one product: `(Jᵀ H s)² n / sᵀ H s` for random signs `s` of the `n`
    /// outputs. On average it is exact if `H` is a multiple of the identity.
    pub(super) fn diagonal(&self, rng: &mut Xoshiro256PlusPlus) -> Vector {
        let sign = |_| T::of(if rng.random() { 1.0 } else { -1.0 });
        let signs = Tensor::from_fn(self.jacobian.outputs().shape(), sign);
        let image = self.hessian_product(signs.clone());
        let scale = vector::of_tensor(&signs).dot(&vector::of_tensor(&image)) / signs.len() as f64;
        let pulled = self.linearization.transposed_product(&self.jacobian, image);
        if scale > 0.0 { pulled.map(|x| x * x / scale) } else { Vector::zeros(pulled.len()) }
    }
}
