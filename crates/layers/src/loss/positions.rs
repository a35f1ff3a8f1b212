//! The positions of a loss, and the mask that weights or drops them.

use bptt_autodiff::Var;
use bptt_tensor::shape::{self, OrPanic};
use bptt_tensor::{Scalar, Shape, ShapeError, Tensor};

/// The shape of what has one value for each position, and a weight for each if there is a mask.
#[derive(Clone, Debug)]
pub(crate) struct Positions<T> {
    shape: Shape,
    mask: Option<Tensor<T>>,
}

impl<T: Scalar> Positions<T> {
    pub(crate) fn new(shape: impl Into<Shape>) -> Self {
        Self { shape: shape.into(), mask: None }
    }

    /// Those of operands `[.., C]`: all but the last axis.
    pub(crate) fn of_rows(operation: &'static str, shape: &[usize]) -> Result<Self, ShapeError> {
        rows(operation, shape).map(Self::new)
    }

    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }

    pub(crate) fn mask(&self) -> Option<&Tensor<T>> {
        self.mask.as_ref()
    }

    #[track_caller]
    pub(crate) fn masked(self, mask: &Tensor<T>) -> Self {
        shape::same("masked", mask.shape(), &self.shape).or_panic();
        let invalid = mask.as_slice().iter().find(|&&w| !(w >= T::zero() && w.is_finite()));
        if let Some(weight) = invalid {
            panic!("a mask has finite weights of at least 0, not {weight}");
        }
        let mask = self.mask.map_or_else(|| mask.clone(), |before| before.mul(mask));
        Self { mask: Some(mask), ..self }
    }

    /// The weight of a position, as the mask has it.
    pub(crate) fn weight_of(&self, position: usize) -> f64 {
        self.mask.as_ref().map_or(1.0, |mask| mask.as_slice()[position].as_f64())
    }

    pub(crate) fn keeps(&self, position: usize) -> bool {
        self.weight_of(position) > 0.0
    }

    /// The sum of all weights.
    pub(crate) fn weight(&self) -> f64 {
        match &self.mask {
            None => self.shape.elements() as f64,
            Some(mask) => mask.as_slice().iter().map(|weight| weight.as_f64()).sum(),
        }
    }

    /// Zeros where the mask drops a position: multiplied by 0 afterwards, a NaN would stay one.
    #[track_caller]
    pub(crate) fn kept<'t>(&self, values: Var<'t, T>) -> Var<'t, T> {
        match &self.mask {
            None => values,
            Some(mask) => {
                let shape: Shape = self.shape.iter().copied().chain([1]).collect();
                values.tape().constant(mask.reshape(shape)).select(values, 0.0)
            }
        }
    }
}

/// `[..]` of `[.., C]`.
pub(super) fn rows(operation: &'static str, shape: &[usize]) -> Result<Shape, ShapeError> {
    let problem = "needs a last axis, of classes or features";
    match shape.split_last() {
        Some((_, rows)) => Ok(rows.into()),
        None => Err(ShapeError::new(operation, &[shape], problem)),
    }
}
