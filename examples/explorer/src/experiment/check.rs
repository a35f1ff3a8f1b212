//! Gradients against differences.

use bptt::prelude::*;
use serde::Serialize;

use super::data::{Sequences, cast};
use super::{Experiment, Net, net};

/// A comparison of the gradients of a net with differences of its loss, in double precision.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// The number of updates before this moment.
    pub updates: usize,
    /// One comparison for each parameter that is trained. A reservoir is not.
    pub parameters: Vec<ParameterCheck>,
    /// The largest relative error.
    pub worst: f64,
}

/// The derivative of the loss in a random direction of one parameter.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ParameterCheck {
    /// The layer, or `None` for the readout.
    pub layer: Option<usize>,
    /// The name within the layer.
    pub name: String,
    /// The derivative by back-propagation through time.
    pub gradient: f64,
    /// The derivative by central differences of fourth order.
    pub difference: f64,
    /// `|gradient − difference| / max(|gradient|, |difference|, 1e-8)`
    pub relative_error: f64,
}

/// The distance `h` of the points of a difference. Errors are of the orders `h⁴` and `ε / h`. The points are near enough to
/// lie on the same side of most kinks.
const DISTANCE: f64 = 3e-5;

impl Experiment {
    /// Compares the gradients of the net as it is now, for one validation sequence.
    #[must_use]
    pub fn check(&self, number: usize) -> Check {
        let sequence = self.seen(number);
        let mut exact = self.in_double_precision();
        let tape = Tape::new();
        let gradients = tape.backward(sequence.loss_of(&exact, &tape));
        let rng = &mut bptt::rng(0);
        let names = self.parameters().map(|(layer, name, _)| (layer, name));
        let mut parameters = Vec::new();
        for (index, (layer, name)) in names.enumerate() {
            let direction = exact.parameters()[index].1;
            let Some(gradient) = gradients.get(direction) else { continue };
            let direction = Tensor::normal(gradient.shape(), 0.0, 1.0, rng);
            let gradient = gradient.iter().zip(direction.iter()).map(|(g, d)| g * d).sum::<f64>();
            let difference = difference(&mut exact, &sequence, index, &direction);
            let scale = gradient.abs().max(difference.abs()).max(1e-8);
            let relative_error = (gradient - difference).abs() / scale;
            parameters.push(ParameterCheck { layer, name, gradient, difference, relative_error });
        }
        let worst = parameters.iter().map(|it| it.relative_error).fold(0.0, f64::max);
        Check { updates: self.updates, parameters, worst }
    }

    fn in_double_precision(&self) -> Net<f64> {
        let mut exact: Net<f64> = net(&self.settings, self.data.features(), &mut bptt::rng(0));
        let mut values = self.net.parameters().into_iter().map(|(_, it)| cast(it.value()));
        exact.for_each_parameter_mut(|_, it| it.set(values.next().expect("nets of equal form")));
        exact
    }
}

/// Returns the derivative of the loss in a direction of a parameter:
/// `(8 (L(h) − L(−h)) − (L(2h) − L(−2h))) / 12h`.
fn difference(
    net: &mut Net<f64>,
    sequence: &Sequences,
    parameter: usize,
    direction: &Tensor<f64>,
) -> f64 {
    let before = net.parameters()[parameter].1.value().clone();
    let mut loss_at = |distance: f64| {
        set(net, parameter, &before + direction * distance);
        let tape = Tape::inference();
        sequence.loss_of(net, &tape).item()
    };
    let [near, far] = [DISTANCE, 2.0 * DISTANCE].map(|h| loss_at(h) - loss_at(-h));
    set(net, parameter, before);
    (8.0 * near - far) / (12.0 * DISTANCE)
}

/// Sets the parameter of this number.
fn set(net: &mut Net<f64>, parameter: usize, value: Tensor<f64>) {
    let (mut value, mut number) = (Some(value), 0);
    net.for_each_parameter_mut(|_, it| {
        if number == parameter {
            it.set(value.take().expect("numbers differ"));
        }
        number += 1;
    });
}
