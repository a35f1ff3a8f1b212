//! The parameters of a net and their gradients.

use bptt::prelude::*;
use serde::Serialize;

use super::values::exact;
use super::{Experiment, Values};

/// The parameters of a net and their gradients.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Weights {
    /// The number of updates before this moment.
    pub updates: usize,
    /// The parameters, those of the layers first.
    pub parameters: Vec<Weight>,
}

/// A parameter and its gradient of the mean loss of a sequence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Weight {
    /// The layer, or `None` for the readout.
    pub layer: Option<usize>,
    /// The name within the layer.
    pub name: String,
    /// The values.
    #[serde(flatten)]
    pub values: Values,
    /// The elements of the gradient, in the order of the values.
    pub gradient: Vec<f64>,
}

impl Experiment {
    /// Returns the parameters, with the gradients of the loss of a validation sequence.
    #[must_use]
    pub fn weights(&self, number: usize) -> Weights {
        let gradients = self.gradients(&self.seen(number));
        let weight = |(layer, name, parameter): (_, _, &Param<f32>)| Weight {
            layer,
            name,
            values: Values::of(parameter.value()),
            gradient: match gradients.get(parameter) {
                Some(gradient) => exact(gradient).collect(),
                None => vec![0.0; parameter.value().len()],
            },
        };
        Weights { updates: self.updates, parameters: self.parameters().map(weight).collect() }
    }
}
