//! What happens inside a net, for one sequence.

use bptt::analysis::gradients::GradientsOverTime;
use bptt::prelude::*;
use serde::Serialize;

use super::Experiment;

/// What happens inside a net while it reads a sequence and learns from it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Look {
    /// The number of updates before this moment.
    pub updates: usize,
    /// The inputs, `[T, F]`.
    pub inputs: Named,
    /// The outputs, `[T, F]`.
    pub outputs: Named,
    /// The values that the equations name, by layer and name such as `0.f`, each `[T, H]`.
    pub probes: Vec<Named>,
    /// The gradients of the loss with respect to the state after each step, such as `∂L/∂h`, by layer, each `[T, S]`.
    pub costates: Vec<Named>,
    /// The norm of the gradient of the last step's loss with respect to the states, by lag.
    pub by_lag: Vec<f64>,
    /// The parameters, with the norms of their values and gradients.
    pub parameters: Vec<Parameter>,
}

/// A tensor with a name. Every number is exactly that of the library.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Named {
    /// What it is called.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its elements in row-major order. Those that are not finite are `null` in JSON.
    pub values: Vec<f64>,
}

/// A parameter, and its gradient of the loss of the sequence.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Parameter {
    /// Its values.
    #[serde(flatten)]
    pub value: Named,
    /// The norm of its values.
    pub norm: f64,
    /// The norm of its gradient.
    pub gradient_norm: f64,
}

impl Named {
    /// Names a tensor `[T, 1, F]` of one sequence, or any other.
    fn new(name: impl Into<String>, tensor: &Tensor<f32>) -> Self {
        let shape = match tensor.shape()[..] {
            [steps, 1, features] => vec![steps, features],
            ref shape => shape.to_vec(),
        };
        let values = tensor.iter().map(|&value| value.into()).collect();
        Self { name: name.into(), shape, values }
    }
}

impl Experiment {
    /// Looks inside while the net reads the first half of a validation sequence.
    #[must_use]
    pub fn look(&self, number: usize) -> Look {
        let steps = self.settings.length;
        let sequence = self.data.validation.batch(&[number % super::VALIDATION]).first(steps);
        let xs = &sequence.inputs;

        let tape = Tape::new();
        let probes = tape.probes();
        let costates = Costates::new();
        let start = self.net.start(&tape, 1);
        let run = Recurrence::new(&self.net).costates(&costates);
        let (ys, _) = run.run(tape.constant(xs.clone()), start);
        let gradients = tape.backward(sequence.loss(ys));
        let last = sequence.last();
        let over_time =
            GradientsOverTime::new(&self.net, xs, |ys| last.loss(ys.slice(0, steps - 1..steps)));
        let flow = over_time.error_flow();
        let flow = flow.overall();
        let by_lag = (0..steps).map(|lag| flow[[steps - 1, steps - 1 - lag]]);

        let states = self.state_names();
        let costates = costates.of(&gradients);
        let probes = probes.names().into_iter().map(|name| {
            let value = probes.get(&name).value();
            Named::new(name, &value)
        });
        let parameters = self.net.parameters().into_iter().map(|(name, parameter)| {
            let value = parameter.value();
            let gradient = gradients.get(parameter);
            Parameter {
                value: Named::new(name, &value),
                norm: norm(&value),
                gradient_norm: gradient.map_or(0.0, norm),
            }
        });
        Look {
            updates: self.losses.len(),
            inputs: Named::new("x", xs),
            outputs: Named::new("y", &ys.value()),
            probes: probes.collect(),
            costates: states.iter().zip(&costates).map(|(name, it)| Named::new(name, it)).collect(),
            by_lag: by_lag.collect(),
            parameters: parameters.collect(),
        }
    }

    /// The names of the variables of the state, in their order: `0.∂L/∂h`, `0.∂L/∂c`, …
    fn state_names(&self) -> Vec<String> {
        let tape = Tape::inference();
        let layers = self.net.start(&tape, 1).0;
        let names = layers.iter().enumerate().flat_map(|(layer, state)| {
            let names = ["h", "c", "s"].into_iter().chain(std::iter::repeat("s"));
            names
                .take(state.len())
                .map(move |name| format!("{layer}.∂L/∂{name}"))
                .collect::<Vec<_>>()
        });
        names.collect()
    }
}

fn norm(tensor: &Tensor<f32>) -> f64 {
    tensor.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt()
}
