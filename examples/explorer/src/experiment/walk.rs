//! The steps inside a cell, for one unit at one time.

use bptt::prelude::*;
use programs::cells::CellKind;
use serde::Serialize;

use super::Experiment;
use super::reading::read;
use super::values::exact;

/// What one unit of a cell computes at one step.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Walk {
    /// The equations of the cell.
    pub equations: Vec<&'static str>,
    /// The inputs of the layer at this step.
    pub inputs: Vec<f64>,
    /// The outputs of the layer at the step before, which it reads too.
    pub before: Vec<f64>,
    /// For an LSTM the net inputs of the gates, computed in double precision. Else none.
    pub net_inputs: Vec<Quantity>,
    /// The named values of the unit at this step, in the order of the equations.
    pub values: Vec<Quantity>,
    /// The same at the step before. At the first step they are the initial state.
    pub values_before: Vec<Quantity>,
}

/// A number with a name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Quantity {
    /// What it is called.
    pub name: String,
    /// The number: exactly that of the library.
    pub value: f64,
}

impl Experiment {
    /// Walks through a unit of a layer at a step of a validation sequence. Numbers beyond the last layer, step or unit are
    /// those of the last.
    #[must_use]
    pub fn walk(&self, number: usize, layer: usize, step: usize, unit: usize) -> Walk {
        let layer = layer.min(self.settings.hidden.len() - 1);
        let step = step.min(self.settings.length - 1);
        let hidden = self.settings.hidden[layer];
        let unit = unit.min(hidden - 1);
        let reading = &read(&self.net.0, self.settings.cell, &self.sequence(number))[layer];
        let inputs = row(&reading.inputs, step);
        let before = match step.checked_sub(1) {
            Some(before) => row(&reading.outputs, before),
            None => vec![0.0; hidden],
        };
        let values = |step| {
            let value = |(name, values): &(String, Tensor<f32>)| {
                let values = row(values, step);
                let place = unit * values.len().min(hidden) / hidden; // cells of a block share its gates
                Quantity { name: name.clone(), value: values[place] }
            };
            reading.probes.iter().map(value).collect::<Vec<_>>()
        };
        Walk {
            equations: self.settings.cell.equations(),
            net_inputs: self.net_inputs(layer, unit, &inputs, &before),
            values: values(step),
            values_before: step.checked_sub(1).map(values).unwrap_or_default(),
            inputs,
            before,
        }
    }

    /// The net inputs of the gates of an LSTM: `x W_ih + h₋ W_hh + b`.
    fn net_inputs(&self, layer: usize, unit: usize, x: &[f64], h: &[f64]) -> Vec<Quantity> {
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
            Quantity { name: name.to_owned(), value }
        };
        ["i", "f", "g", "o"].into_iter().enumerate().map(net_input).collect()
    }
}

/// Returns the values of a step.
fn row(values: &Tensor<f32>, step: usize) -> Vec<f64> {
    exact(&values.index_first(step)).collect()
}
