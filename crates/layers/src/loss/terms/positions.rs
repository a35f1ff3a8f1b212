//! The positions of a loss, with a mask of how much each counts and weights that multiply the losses.

use bptt_autodiff::Var;
use bptt_tensor::shape::{self, OrPanic};
use bptt_tensor::{Scalar, Shape, ShapeError, Tensor};

/// The positions of a loss: their shape, the mask of how much each counts, and the weights that multiply the values.
#[derive(Clone, Debug)]
pub(crate) struct Positions<T> {
    shape: Shape,
    mask: Option<Tensor<T>>,
    weights: Option<Tensor<T>>,
}

impl<T: Scalar> Positions<T> {
    pub(crate) fn new(shape: impl Into<Shape>) -> Self {
        Self { shape: shape.into(), mask: None, weights: None }
    }

    /// Returns the positions of operands `[.., C]`: all axes but the last.
    pub(crate) fn of_rows(operation: &'static str, shape: &[usize]) -> Result<Self, ShapeError> {
        rows(operation, shape).map(Self::new)
    }

    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }

    #[track_caller]
    pub(crate) fn masked(self, mask: &Tensor<T>) -> Self {
        shape::same("masked", mask.shape(), &self.shape).or_panic();
        let invalid = mask.as_slice().iter().find(|&&w| !(w >= T::zero() && w.is_finite()));
        if let Some(weight) = invalid {
            panic!("a mask has finite weights of at least 0, not {weight}");
        }
        Self { mask: product(self.mask, mask), ..self }
    }

    #[track_caller]
    pub(crate) fn weighted(self, weights: &Tensor<T>) -> Self {
        shape::same("weighted", weights.shape(), &self.shape).or_panic();
        if let Some(weight) = weights.as_slice().iter().find(|weight| !weight.is_finite()) {
            panic!("the weights of a loss are finite, not {weight}");
        }
        Self { weights: product(self.weights, weights), ..self }
    }

    /// Returns the same positions, all dropped.
    pub(crate) fn dropped(self) -> Self {
        Self { mask: Some(Tensor::zeros(self.shape.clone())), ..self }
    }

    /// Returns how much a position counts, according to the mask.
    pub(crate) fn weight_of(&self, position: usize) -> f64 {
        self.mask.as_ref().map_or(1.0, |mask| mask.as_slice()[position].as_f64())
    }

    pub(crate) fn keeps(&self, position: usize) -> bool {
        self.weight_of(position) > 0.0
    }

    /// Returns how much all positions count together.
    pub(crate) fn weight(&self) -> f64 {
        match &self.mask {
            None => self.shape.elements() as f64,
            Some(mask) => mask.as_slice().iter().fold(0.0, |sum, weight| sum + weight.as_f64()),
        }
    }

    /// Returns values `[..]` times the mask and the weights, divided by `room`.
    #[track_caller]
    pub(crate) fn share<'t>(&self, values: Var<'t, T>, room: f64) -> Var<'t, T> {
        let factors = match (&self.mask, &self.weights) {
            (Some(mask), Some(weights)) => mask * weights,
            (Some(factors), None) | (None, Some(factors)) => factors.clone(),
            (None, None) if room == 1.0 => return values,
            (None, None) => return values / room,
        };
        times(values, &factors.map(|factor| T::of(factor.as_f64() / room)))
    }

    /// Replaces operands by zeros where the mask drops a position. A NaN would remain one if it were multiplied by 0
    /// later.
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

/// Returns a power of two about as large as `total`, the divisor of a mean. The summands lose no digit when they are
/// divided by it. Their sum then overflows only if the mean does.
pub(crate) fn headroom(total: f64) -> f64 {
    total.log2().ceil().exp2()
}

/// Returns values times weights. The product is 0 where the weight is 0, even for an infinite value.
#[track_caller]
pub(crate) fn times<'t, T: Scalar>(values: Var<'t, T>, weights: &Tensor<T>) -> Var<'t, T> {
    let has_zeros = weights.as_slice().contains(&T::zero());
    let weights = values.tape().constant(weights.clone());
    let values = if has_zeros { weights.select(values, 0.0) } else { values };
    values * weights
}

/// Returns `−ln p`, which is 0 and not −0 where the logarithm is 0.
#[track_caller]
pub(crate) fn cost<T: Scalar>(log_probabilities: Var<'_, T>) -> Var<'_, T> {
    0.0 - log_probabilities
}

fn product<T: Scalar>(before: Option<Tensor<T>>, factor: &Tensor<T>) -> Option<Tensor<T>> {
    Some(before.map_or_else(|| factor.clone(), |before| before * factor))
}

/// Returns the shape `[..]` of operands `[.., C]`.
pub(crate) fn rows(operation: &'static str, shape: &[usize]) -> Result<Shape, ShapeError> {
    let problem = "needs a last axis, of classes or features";
    match shape.split_last() {
        Some((_, rows)) => Ok(rows.into()),
        None => Err(ShapeError::new(operation, &[shape], problem)),
    }
}
