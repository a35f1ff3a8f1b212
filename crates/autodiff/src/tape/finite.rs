//! Finding the first value that is not finite.

use std::fmt;
use std::panic::Location;

use bptt_tensor::{Scalar, Shape, Tensor};

use super::graph::Node;

/// A NaN or an infinity, and the operation that computed it.
#[derive(Clone, Debug)]
pub struct NonFinite {
    operation: &'static str,
    location: &'static Location<'static>,
    step: Option<u32>,
    /// The operand whose cotangent it stands in; `None` for the operation's own value.
    operand: Option<usize>,
    shape: Shape,
    index: Vec<usize>,
    value: f64,
}

impl NonFinite {
    /// The fault of a node's value, if it has one.
    pub(crate) fn of_node<T: Scalar>(node: &Node<T>) -> Option<Self> {
        Self::find(node, None, &node.value)
    }

    /// The fault of the cotangent that a node's rule gives to one of its operands.
    pub(crate) fn of_cotangent<T: Scalar>(
        node: &Node<T>,
        operand: usize,
        cotangent: &Tensor<T>,
    ) -> Option<Self> {
        Self::find(node, Some(operand), cotangent)
    }

    fn find<T: Scalar>(node: &Node<T>, operand: Option<usize>, at: &Tensor<T>) -> Option<Self> {
        let flat = at.as_slice().iter().position(|value| !value.is_finite())?;
        Some(Self {
            operation: node.op.name(),
            location: node.location,
            step: node.step,
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
        self.location
    }

    /// The time step, where the recurrence announced one.
    #[must_use]
    pub fn step(&self) -> Option<usize> {
        self.step.map(|step| step as usize)
    }
}

impl fmt::Display for NonFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, location, value, index, shape, .. } = self;
        match self.operand {
            None => write!(f, "{operation} at {location} computed {value}")?,
            Some(operand) => write!(
                f,
                "the gradient of {operation} at {location} with respect to its operand {operand} \
                 is {value}"
            )?,
        }
        write!(f, " at index {index:?} of {shape}")?;
        match self.step {
            Some(step) => write!(f, ", time step {step}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for NonFinite {}
