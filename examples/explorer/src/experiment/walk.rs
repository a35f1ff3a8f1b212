//! The steps inside a cell, for one unit at one time.

use bptt::prelude::*;
use programs::cells::CellKind;
use serde::Serialize;

use super::Experiment;

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
    /// For an LSTM the net inputs of the gates, in exact arithmetic. Else none.
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
        let unit = unit.min(self.settings.hidden[layer] - 1);
        let xs = self.sequence(number).slice(0, 0..self.settings.length);
        let layers = self.net.0.layers();
        let below = Tape::inference();
        let read = |xs, layer: &BoxedLayer<f32>| layer.forward(xs).0;
        let xs = layers[..layer].iter().fold(below.constant(xs), read).value();
        let tape = Tape::inference();
        let probes = tape.probes();
        let xs = tape.constant(xs);
        let (ys, _) = layers[layer].forward(xs);
        let row = |values: &Tensor<f32>, t: usize| -> Vec<f64> {
            values.index_first(t).iter().map(|&value| value.into()).collect()
        };
        let at = |t: usize| {
            let names = probes.names().into_iter();
            let of = |name: String| {
                let values = row(&probes.get(&name).value(), t);
                values.get(unit).map(|&value| Quantity { name, value })
            };
            names.filter_map(of).collect::<Vec<_>>()
        };
        let (inputs, outputs) = (row(&xs.value(), step), ys.value());
        let before = match step {
            0 => vec![0.0; outputs.shape()[2]],
            step => row(&outputs, step - 1),
        };
        let net_inputs = self.net_inputs(layer, unit, &inputs, &before);
        Walk {
            equations: self.settings.cell.equations(),
            values_before: if step > 0 { at(step - 1) } else { Vec::new() },
            values: at(step),
            net_inputs,
            inputs,
            before,
        }
    }

    /// The net inputs of the gates of an LSTM: `x W_ih + h₋ W_hh + b`.
    fn net_inputs(&self, layer: usize, unit: usize, x: &[f64], h: &[f64]) -> Vec<Quantity> {
        if self.settings.cell != CellKind::Lstm {
            return Vec::new();
        }
        let hidden = self.settings.hidden[layer];
        let parameters = self.net.0.layers()[layer].parameters();
        let of = |name: &str| {
            let found = parameters.iter().find(|(it, _)| it == name).expect("an LSTM has it");
            found.1.value()
        };
        let [w_ih, w_hh, b] = ["w_ih", "w_hh", "b"].map(of);
        let gates = ["i", "f", "g", "o"].into_iter().enumerate();
        let sums = gates.map(|(gate, name)| {
            let column = gate * hidden + unit;
            let product = |read: &[f64], w: &Tensor<f32>| -> f64 {
                read.iter().enumerate().map(|(i, x)| x * f64::from(w[[i, column]])).sum()
            };
            let value = product(x, &w_ih) + product(h, &w_hh) + f64::from(b[[column]]);
            Quantity { name: name.to_owned(), value }
        });
        sums.collect()
    }
}
