//! First and second derivatives against finite differences, along random directions through the
//! space of inputs and parameters at once.

use bptt_autodiff::Tape;
use bptt_layers::Module;
use bptt_tensor::Tensor;

use crate::support::{Random, V, loss_of, uniform};

/// The truncation error of a five-point difference is `h⁴ f⁽⁵⁾ / 30`, its rounding error `ε f / h`. A
/// normalised layer of two features turns within `√10⁻⁵` from −1 to 1.
const STEP: f64 = 2e-5;

const TOLERANCE: f64 = 1e-6;

/// Checks the first two derivatives of the [`loss_of`] what `f` computes.
pub(crate) fn check<M: Module<f64> + Clone>(
    model: &M,
    inputs: &[Tensor<f64>],
    rng: &mut Random,
    f: impl for<'t> Fn(&M, &[V<'t>]) -> Vec<V<'t>>,
) {
    let mut direction = || -> Vec<_> {
        let parameters = model.parameters();
        let shapes = inputs.iter().map(Tensor::shape);
        let shapes = shapes.chain(parameters.iter().map(|(_, param)| param.shape()));
        shapes.map(|shape| uniform(shape, rng)).collect()
    };
    let directions = [direction(), direction()];
    for order in 1..=2 {
        let recorded = derivative(model, inputs, &f, &directions[..order]);
        let at = |step: f64| {
            let (model, inputs) = moved(model, inputs, &directions[order - 1], step * STEP);
            derivative(&model, &inputs, &f, &directions[..order - 1])
        };
        let numeric = (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12.0 * STEP);
        assert!(
            (recorded - numeric).abs() <= TOLERANCE * numeric.abs().max(1.0),
            "derivative of order {order}: the tape says {recorded}, differences {numeric}"
        );
    }
}

/// The derivative along one direction after the other, computed by the tape; along none, the loss.
fn derivative<M: Module<f64>>(
    model: &M,
    inputs: &[Tensor<f64>],
    f: impl for<'t> Fn(&M, &[V<'t>]) -> Vec<V<'t>>,
    directions: &[Vec<Tensor<f64>>],
) -> f64 {
    let tape = Tape::new();
    let mut sources: Vec<_> = inputs.iter().map(|x| tape.variable(x.clone())).collect();
    let mut y = loss_of(&f(model, &sources));
    model.for_each_parameter(|_, param| sources.push(tape.param(param)));
    for direction in directions {
        let one = tape.constant(Tensor::scalar(1.0));
        let slopes = tape.vjp(&[(y, one)], &sources);
        let terms = slopes.iter().zip(direction).map(|(&slope, v)| (slope * v).sum_all());
        y = terms.reduce(|sum, term| sum + term).expect("there are sources");
    }
    y.item()
}

/// The model and the inputs, a step along a direction away.
fn moved<M: Module<f64> + Clone>(
    model: &M,
    inputs: &[Tensor<f64>],
    direction: &[Tensor<f64>],
    step: f64,
) -> (M, Vec<Tensor<f64>>) {
    let (mut model, mut inputs) = (model.clone(), inputs.to_vec());
    let mut direction = direction.iter();
    for input in &mut inputs {
        input.axpy(step, direction.next().expect("a direction for each input"));
    }
    model.for_each_parameter_mut(|_, param| {
        param.value_mut().axpy(step, direction.next().expect("a direction for each parameter"));
    });
    (model, inputs)
}
