//! Gradients against differences.

use bptt::prelude::*;
use serde::Serialize;

use super::{Experiment, Net, net};

/// A comparison of the gradients of a net with differences of its loss, in double precision.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// One comparison for each parameter.
    pub parameters: Vec<ParameterCheck>,
    /// The largest relative error.
    pub worst: f64,
}

/// The derivative of the loss in a random direction of one parameter.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ParameterCheck {
    /// The parameter.
    pub name: String,
    /// The derivative by back-propagation through time.
    pub gradient: f64,
    /// The derivative by central differences.
    pub difference: f64,
    /// `|gradient − difference| / max(|gradient|, |difference|, 1e-8)`
    pub relative_error: f64,
}

/// The distance of the points of a difference: errors of order h² and ε / h are then about equal.
const DISTANCE: f64 = 1e-5;

impl Experiment {
    /// Compares the gradients of the net as it is now, for one validation sequence.
    #[must_use]
    pub fn check(&self, number: usize) -> Check {
        let sequence = self.seen(number);
        let rng = &mut bptt::rng(0);
        let mut exact: Net<f64> = net(&self.settings, self.data.features(), rng);
        let mut values = self.net.parameters().into_iter().map(|(_, it)| wide(it.value()));
        exact.for_each_parameter_mut(|_, it| it.set(values.next().expect("nets of equal form")));
        drop(values);
        let xs = wide(&sequence.inputs);
        let loss = |net: &Net<f64>| {
            let tape = Tape::inference();
            sequence.loss(net.forward(tape.constant(xs.clone())).0).item()
        };
        let tape = Tape::new();
        let gradients = tape.backward(sequence.loss(exact.forward(tape.constant(xs.clone())).0));
        let directions: Vec<(Tensor<f64>, f64)> = (exact.parameters().into_iter())
            .map(|(_, parameter)| {
                let direction = Tensor::normal(parameter.shape(), 0.0, 1.0, rng);
                let along = gradients.get(parameter).map_or(0.0, |gradient| {
                    gradient.iter().zip(direction.iter()).map(|(g, d)| g * d).sum()
                });
                (direction, along)
            })
            .collect();
        drop(tape);
        let names = exact.parameters().into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        let checks = names.into_iter().zip(directions).map(|(name, (direction, gradient))| {
            let mut at = |distance: f64| {
                moved(&mut exact, &name, &(&direction * distance));
                let loss = loss(&exact);
                moved(&mut exact, &name, &(&direction * -distance));
                loss
            };
            let difference = (at(DISTANCE) - at(-DISTANCE)) / (2.0 * DISTANCE);
            let scale = gradient.abs().max(difference.abs()).max(1e-8);
            let relative_error = (gradient - difference).abs() / scale;
            ParameterCheck { name, gradient, difference, relative_error }
        });
        let parameters: Vec<ParameterCheck> = checks.collect();
        let worst = parameters.iter().map(|it| it.relative_error).fold(0.0, f64::max);
        Check { parameters, worst }
    }
}

/// Adds a tensor to the parameter of this name.
fn moved(net: &mut Net<f64>, name: &str, by: &Tensor<f64>) {
    net.for_each_parameter_mut(|it, parameter| {
        if it == name {
            parameter.set(parameter.value() + by);
        }
    });
}

fn wide(tensor: &Tensor<f32>) -> Tensor<f64> {
    Tensor::from_fn(tensor.shape(), |i| tensor.as_slice()[i].into())
}
