//! A learner of each kind, and the gradients of back-propagation through time, with which they are compared.

use bptt_autodiff::{Gradients, Tape, Var};
use bptt_layers::weights::Archive;
use bptt_layers::{Activation, IndRnn, Linear, Module, Stepwise, rng};
use bptt_tensor::Tensor;
use bptt_trainers::online::{OnlineLearner, RealTime, Snap1, Traces, Uoro};

/// A loss of the output of step `t`. It weighs every element, every sequence and every step differently.
pub(crate) fn loss(y: Var<'_, f64>, t: usize) -> Var<'_, f64> {
    let weights = Tensor::from_fn(y.shape(), |i| (1.3 * i as f64 + 0.7 * t as f64).sin());
    let targets = Tensor::from_fn(y.shape(), |i| (0.4 * i as f64 + t as f64).cos());
    ((y - &targets).square() * 0.5 + y * &weights).mean_all()
}

/// Returns the sum of the losses of all steps, and its gradients, by the reverse pass through all steps.
pub(crate) fn through_time<L: Stepwise<f64>>(layer: &L, xs: &Tensor<f64>) -> (f64, Gradients<f64>) {
    let tape = Tape::new();
    let (ys, _) = layer.forward(tape.constant(xs.clone()));
    let mut sum = tape.constant(Tensor::scalar(0.0));
    for t in 0..xs.shape()[0] {
        sum = sum + loss(ys.index_first(t), t);
    }
    (sum.item(), tape.backward(sum))
}

/// Returns the same sum and gradients by a learner.
pub(crate) fn forward_in_time<L: Stepwise<f64> + Module<f64>>(
    learner: &mut dyn OnlineLearner<f64, L>,
    layer: &L,
    xs: &Tensor<f64>,
) -> (f64, Gradients<f64>) {
    let (mut sum, mut gradients) = (0.0, Gradients::default());
    for t in 0..xs.shape()[0] {
        let step = learner.step(layer, &xs.index_first(t), &|y| loss(y, t)).unwrap();
        sum += step.loss;
        gradients += step.gradients;
    }
    (sum, gradients)
}

/// Asserts that gradients are equal, relative to the largest element.
#[track_caller]
pub(crate) fn assert_close<L: Module<f64>>(
    layer: &L,
    found: &Gradients<f64>,
    expected: &Gradients<f64>,
    tolerance: f64,
) {
    let largest =
        expected.iter().flat_map(|(_, g)| g.to_vec()).fold(0.0, |a: f64, b| a.max(b.abs()));
    assert!(largest > 0.0, "a comparison with zeros shows nothing");
    for (name, parameter) in layer.parameters() {
        let zeros = Tensor::zeros(parameter.shape());
        let expected = expected.get(parameter).unwrap_or(&zeros);
        let found = found.get(parameter).unwrap_or(&zeros);
        for (i, (a, b)) in found.iter().zip(expected.iter()).enumerate() {
            assert!(
                (a - b).abs() <= tolerance * largest,
                "`{name}` element {i}: {a} instead of {b}"
            );
        }
    }
}

/// Draws inputs `[T, B, I]`.
pub(crate) fn inputs(shape: [usize; 3], seed: u64) -> Tensor<f64> {
    Tensor::normal(shape, 0.0, 1.0, &mut bptt_layers::rng(seed))
}

/// Draws all parameters anew, so that none is zero.
pub(crate) fn drawn<L: Module<f64>>(mut layer: L, seed: u64) -> L {
    let mut rng = bptt_layers::rng(seed);
    layer.for_each_parameter_mut(|_, parameter| {
        parameter.set(Tensor::normal(parameter.shape(), 0.0, 0.5, &mut rng));
    });
    layer
}

pub(crate) type Model = (IndRnn<f64>, Linear<f64>);
pub(crate) type Learner = Box<dyn OnlineLearner<f64, Model>>;

/// A learner of each kind.
pub(crate) fn learners() -> [Learner; 4] {
    [
        Box::new(RealTime::new()),
        Box::new(Snap1::new()),
        Box::new(Traces::new()),
        Box::new(Uoro::new().seed(3)),
    ]
}

pub(crate) fn model() -> Model {
    let rng = &mut rng(0);
    let cell = IndRnn::new(rng, 2, 3).activation(Activation::Tanh);
    drawn((cell, Linear::new(rng, 3, 2)), 15)
}

/// The bits of a step.
pub(crate) fn bits(learner: &mut Learner, model: &Model, x: &Tensor<f64>, t: usize) -> Vec<u64> {
    let step = learner.step(model, x, &|y| loss(y, t)).unwrap();
    let gradients =
        model.parameters().into_iter().flat_map(|(_, own)| step.gradients[own].to_vec());
    let numbers = step.output.to_vec().into_iter().chain([step.loss]).chain(gradients);
    numbers.map(f64::to_bits).collect()
}

/// All that an archive holds: the shape and the bits of each tensor, and the texts, by their names.
pub(crate) fn contents(archive: &Archive<f64>) -> Vec<(String, String)> {
    let tensor = |name: &str| {
        let tensor = archive.tensor(name).unwrap();
        let bits: Vec<_> = tensor.iter().map(|element| element.to_bits()).collect();
        (name.to_owned(), format!("{} {bits:?}", tensor.shape()))
    };
    let text = |name: &str| (format!("text {name}"), archive.text(name).unwrap().to_owned());
    archive.names().map(tensor).chain(archive.text_names().map(text)).collect()
}
