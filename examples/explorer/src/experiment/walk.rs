//! The steps inside a cell, for one unit at one time.

use bptt::prelude::*;
use programs::cells::CellKind;
use serde::{Deserialize, Serialize};

use super::Experiment;
use super::reading::read;
use super::values::exact;

/// What one unit of a cell computes at one step.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Walk {
    /// Where it is.
    pub place: Place,
    /// The number of units to choose from: the largest of those of the named values.
    pub units: usize,
    /// The inputs of the layer at this step.
    pub inputs: Vec<f64>,
    /// The outputs of the layer at the step before, which it reads too. At the first step they are 0.
    pub before: Vec<f64>,
    /// The net inputs of the gates of an LSTM, which the library does not name. They are summed in double precision from
    /// the inputs, the outputs and the weights of the library. Other cells have none.
    pub net_inputs: Vec<NetInput>,
    /// The named values of the unit at this step, in the order of the equations. A value is left out that has fewer units.
    pub values: Vec<UnitValue>,
    /// The same at the step before. At the first step there are none: nothing has been computed before.
    pub values_before: Vec<UnitValue>,
}

/// A unit of a layer at a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    /// The layer, counted from the lowest.
    pub layer: usize,
    /// The step.
    pub step: usize,
    /// The unit.
    pub unit: usize,
}

/// The net input of a gate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NetInput {
    /// The gate.
    pub name: String,
    /// The number.
    pub value: f64,
}

/// A named value of one unit. A step may name values of different sizes: cells of a block share its gates, and a
/// projection has fewer outputs than units.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UnitValue {
    /// The name in the equations.
    pub name: String,
    /// The number: exactly that of the library.
    pub value: f64,
    /// The number of units that have this value.
    pub units: usize,
}

impl Experiment {
    /// Walks through a unit of a layer at a step of a validation sequence. Numbers beyond the last layer, step or unit are
    /// those of the last.
    #[must_use]
    pub fn walk(&self, number: usize, Place { layer, step, unit }: Place) -> Walk {
        let layer = layer.min(self.settings.hidden.len() - 1);
        let step = step.min(self.settings.length - 1);
        let hidden = self.settings.hidden[layer];
        let reading = &read(&self.net.0, self.settings.cell, &self.sequence(number))[layer];
        let sizes = reading.probes.iter().map(|(_, values)| values.shape()[2]);
        let units = sizes.max().unwrap_or(hidden);
        let unit = unit.min(units - 1);
        let inputs = row(&reading.inputs, step);
        let (before, values_before) = match step.checked_sub(1) {
            Some(step) => (row(&reading.outputs, step), values(&reading.probes, step, unit)),
            None => (vec![0.0; reading.outputs.shape()[2]], Vec::new()),
        };
        Walk {
            place: Place { layer, step, unit },
            units,
            net_inputs: self.net_inputs(layer, unit, &inputs, &before),
            values: values(&reading.probes, step, unit),
            values_before,
            inputs,
            before,
        }
    }

    /// The net inputs of the gates of an LSTM: `x W_ih + h₋ W_hh + b`.
    fn net_inputs(&self, layer: usize, unit: usize, x: &[f64], h: &[f64]) -> Vec<NetInput> {
        if self.settings.cell != CellKind::Lstm {
            return Vec::new();
        }
        let parameters = self.net.0.layers()[layer].parameters();
        let of = |name: &str| {
            let found = parameters.iter().find(|(it, _)| it == name).expect("an LSTM has it");
            found.1.value()
        };
        let [w_ih, w_hh, b] = ["w_ih", "w_hh", "b"].map(of);
        let net_input = |(gate, name): (usize, &str)| {
            let column = gate * h.len() + unit;
            let product = |read: &[f64], w: &Tensor<f32>| -> f64 {
                read.iter().enumerate().map(|(i, x)| x * f64::from(w[[i, column]])).sum()
            };
            let value = product(x, w_ih) + product(h, w_hh) + f64::from(b[[column]]);
            NetInput { name: name.to_owned(), value }
        };
        ["i", "f", "g", "o"].into_iter().enumerate().map(net_input).collect()
    }
}

/// Returns the named values of a unit at a step.
fn values(probes: &[(String, Tensor<f32>)], step: usize, unit: usize) -> Vec<UnitValue> {
    let value = |(name, values): &(String, Tensor<f32>)| {
        let values = row(values, step);
        let value = *values.get(unit)?;
        Some(UnitValue { name: name.clone(), value, units: values.len() })
    };
    probes.iter().filter_map(value).collect()
}

/// Returns the values of a step.
fn row(values: &Tensor<f32>, step: usize) -> Vec<f64> {
    exact(&values.index_first(step)).collect()
}
