//! The search for values that are not finite.

use std::fmt;
use std::panic::Location;

use bptt_tensor::{Scalar, Shape, Tensor};

use super::context::Origin;

/// A NaN or an infinity, and the operation that computed it.
#[derive(Clone, Debug)]
pub struct NonFinite {
    operation: &'static str,
    origin: Origin,
    /// The operand in whose cotangent the element is; `None` for the operation's own value.
    operand: Option<usize>,
    shape: Shape,
    index: Vec<usize>,
    value: f64,
}

impl NonFinite {
    /// Finds the first element that is not finite, in an operation's value or in the cotangent that
    /// it contributes to an operand.
    pub(crate) fn find<T: Scalar>(
        operation: &'static str,
        origin: Origin,
        operand: Option<usize>,
        at: &Tensor<T>,
    ) -> Option<Self> {
        let flat = at.as_slice().iter().position(|value| !value.is_finite())?;
        Some(Self {
            operation,
            origin,
            operand,
            shape: at.shape().clone(),
            index: at.shape().index_of(flat),
            value: at.as_slice()[flat].as_f64(),
        })
    }

    /// The name of the operation.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// The line of the equation.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.origin.location
    }

    /// The time step, if the recurrence announced one.
    #[must_use]
    pub fn step(&self) -> Option<usize> {
        self.origin.step.map(|step| step as usize)
    }
}

impl fmt::Display for NonFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, origin, value, index, shape, .. } = self;
        let location = origin.location;
        match self.operand {
            None => write!(f, "{operation} at {location} computed {value}")?,
            Some(operand) => write!(
                f,
                "the gradient of {operation} at {location} with respect to its operand {operand} \
                 is {value}"
            )?,
        }
        write!(f, " at index {index:?} of {shape}")?;
        match self.origin.step {
            Some(step) => write!(f, ", time step {step}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for NonFinite {}
