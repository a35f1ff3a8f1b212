//! What happens inside a net, for one sequence.

use bptt::analysis::gradients::{GradientsOverTime, StateGradient};
use bptt::prelude::*;
use serde::Serialize;

use super::reading::{Reading, read};
use super::values::norm;
use super::{Experiment, Values};

/// What happens inside a net while it reads a sequence and learns from it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Look {
    /// The number of updates before this moment.
    pub updates: usize,
    /// The inputs, `[T, F]`.
    pub inputs: Values,
    /// The outputs, `[T, F]`.
    pub outputs: Values,
    /// The outputs of each layer, `[T, H]`.
    pub layers: Vec<Values>,
    /// The values that the equations name, layer by layer, in the order of the equations.
    pub probes: Vec<Probe>,
    /// The gradients of the mean loss of the sequence with respect to the states, layer by layer.
    pub costates: Vec<Costate>,
    /// The parameters, those of the layers first.
    pub parameters: Vec<ParameterNorms>,
}

/// A value that the equations of a layer name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Probe {
    /// The layer.
    pub layer: usize,
    /// The name in the equations.
    pub name: String,
    /// The values of all steps, `[T, H]`.
    #[serde(flatten)]
    pub values: Values,
}

/// The gradients with respect to a variable of the state after each step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Costate {
    /// The layer.
    pub layer: usize,
    /// The name of the variable in the equations.
    pub name: String,
    /// The gradients of the losses of a step and all later ones, `[T, S]`.
    pub total: Values,
    /// The gradients of the loss of a step alone, `[T, S]`.
    pub direct: Values,
}

/// The norms of a parameter and of its gradient of the mean loss of the sequence.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ParameterNorms {
    /// The layer, or `None` for the readout.
    pub layer: Option<usize>,
    /// The name within the layer.
    pub name: String,
    /// The shape.
    pub shape: Vec<usize>,
    /// The norm of the parameter.
    pub norm: f64,
    /// The norm of the gradient.
    pub gradient_norm: f64,
}

impl Experiment {
    /// Looks inside while the net reads the first half of a validation sequence.
    #[must_use]
    pub fn look(&self, number: usize) -> Look {
        let xs = self.sequence(number);
        let readings = read(&self.net.0, self.settings.cell, &xs);
        Look {
            updates: self.updates,
            inputs: Values::of_sequence(&xs),
            outputs: Values::of_sequence(&self.outputs(&xs)),
            layers: readings.iter().map(|it| Values::of_sequence(&it.outputs)).collect(),
            probes: probes(readings),
            costates: self.costates(number),
            parameters: self.norms(number),
        }
    }

    fn outputs(&self, xs: &Tensor<f32>) -> Tensor<f32> {
        let tape = Tape::inference();
        self.net.forward(tape.constant(xs.clone())).0.value()
    }

    fn costates(&self, number: usize) -> Vec<Costate> {
        let sequence = self.seen(number);
        let loss = GradientsOverTime::new(&self.net, &sequence.inputs, |ys| sequence.loss(ys));
        let names = self.states.iter().enumerate();
        let names = names.flat_map(|(layer, names)| names.iter().map(move |name| (layer, name)));
        let gradients = names.zip(loss.states().variables);
        let costate = |((layer, name), gradient): ((usize, &String), StateGradient<f32>)| Costate {
            layer,
            name: name.clone(),
            total: Values::of_sequence(&gradient.total),
            direct: Values::of_sequence(&gradient.direct),
        };
        gradients.map(costate).collect()
    }

    fn norms(&self, number: usize) -> Vec<ParameterNorms> {
        let gradients = self.gradients(&self.seen(number));
        let norms = |(layer, name, parameter): (_, _, &Param<f32>)| ParameterNorms {
            layer,
            name,
            shape: parameter.shape().to_vec(),
            norm: norm(parameter.value()),
            gradient_norm: gradients.get(parameter).map_or(0.0, norm),
        };
        self.parameters().map(norms).collect()
    }
}

fn probes(readings: Vec<Reading>) -> Vec<Probe> {
    let of_layer = |(layer, reading): (usize, Reading)| {
        let probes = reading.probes.into_iter();
        probes.map(move |(name, values)| Probe {
            layer,
            name,
            values: Values::of_sequence(&values),
        })
    };
    readings.into_iter().enumerate().flat_map(of_layer).collect()
}
