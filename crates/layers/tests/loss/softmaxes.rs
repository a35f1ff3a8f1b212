//! Softmaxes over many classes, against their definitions in plain loops.

use bptt_autodiff::{Param, Tape};
use bptt_layers::{AdaptiveSoftmax, Linear, MixtureOfSoftmaxes, Module, loss};
use bptt_tensor::Tensor;

type Random = bptt_layers::Xoshiro256PlusPlus;

fn normal(shape: &[usize], rng: &mut Random) -> Tensor<f64> {
    Tensor::normal(shape, 0.0, 1.0, rng)
}

/// Returns the product of a row with the weights of this name.
fn times(row: &[f64], module: &impl Module<f64>, name: &str) -> Vec<f64> {
    let parameters = module.parameters();
    let (_, param) = parameters.iter().find(|(known, _)| known == name).expect("a known name");
    let (w, columns) = (param.value(), param.shape()[1]);
    let dot = |j| row.iter().enumerate().map(|(i, x)| x * w.as_slice()[i * columns + j]).sum();
    (0..columns).map(dot).collect()
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let sum: f64 = logits.iter().map(|o| o.exp()).sum();
    logits.iter().map(|o| o.exp() / sum).collect()
}

#[track_caller]
fn assert_near(left: &[f64], right: &[f64], tolerance: f64) {
    assert_eq!(left.len(), right.len());
    for (i, (left, right)) in left.iter().zip(right).enumerate() {
        assert!((left - right).abs() <= tolerance, "element {i}: {left}, not {right}");
    }
}

/// Returns the gradients of all parameters, and of the features.
fn gradients<M: Module<f64>>(
    model: &M,
    h: &Param<f64>,
    loss: impl for<'t> Fn(bptt_autodiff::Var<'t, f64>) -> loss::Loss<'t, f64>,
) -> Vec<f64> {
    let tape = Tape::new();
    let gradients = tape.backward(loss(tape.param(h)).mean());
    let of = |param: &Param<f64>| gradients.get(param).map_or_else(Vec::new, |g| g.to_vec());
    let parameters = model.parameters();
    parameters.iter().flat_map(|(_, param)| of(param)).chain(of(h)).collect()
}

#[test]
fn a_mixture_is_the_weighted_sum_of_softmaxes() {
    let rng = &mut bptt_layers::rng(0);
    let mixture = MixtureOfSoftmaxes::<f64>::new(rng, 5, 3, 4);
    let output = Linear::new(rng, 3, 7).bias(false);
    let mut model = (mixture, output);
    model.for_each_parameter_mut(|_, param| param.set(normal(param.shape(), rng)));
    let (mixture, output) = &model;
    let h = normal(&[2, 3, 5], rng);
    let tape = Tape::new();
    let log_p = mixture.forward(tape.constant(h.clone()), |z| output.forward(z)).value();
    assert_eq!(log_p.shape(), &[2, 3, 7]);
    let bias = mixture.contexts.b.as_ref().expect("a bias").value().to_vec();
    for (row, log_p) in h.as_slice().chunks(5).zip(log_p.as_slice().chunks(7)) {
        let gates = softmax(&times(row, mixture, "gates.w"));
        let contexts: Vec<f64> = times(row, mixture, "contexts.w");
        let contexts: Vec<f64> = contexts.iter().zip(&bias).map(|(x, b)| (x + b).tanh()).collect();
        let mut p = [0.0; 7];
        for (gate, z) in gates.iter().zip(contexts.chunks(3)) {
            let component = softmax(&times(z, output, "w"));
            p.iter_mut().zip(component).for_each(|(p, of_component)| *p += gate * of_component);
        }
        assert_near(log_p, &p.iter().map(|p| p.ln()).collect::<Vec<_>>(), 1e-13);
        assert!((log_p.iter().map(|log_p| log_p.exp()).sum::<f64>() - 1.0).abs() < 1e-14);
    }
}

/// A probability may be far below the smallest positive number. Its logarithm and gradient are finite.
#[test]
fn a_mixture_is_stable() {
    let rng = &mut bptt_layers::rng(1);
    let mixture = MixtureOfSoftmaxes::<f64>::new(rng, 2, 2, 2);
    let tape = Tape::new();
    let h = tape.variable(normal(&[1, 2], rng));
    let scores = Tensor::from_vec([3], vec![0.0, -5000.0, 3.0]);
    let log_p = mixture.forward(h, |z| z.sum_keep(&[-1]) * 1e-3 + &scores);
    let expected = tape.constant(scores).log_softmax(-1).value();
    assert_near(log_p.value().as_slice(), expected.as_slice(), 1e-9);
    let loss = loss::negative_log_likelihood(log_p, &[1]).sum();
    assert!((loss.item() - 5003.0).abs() < 0.1);
    assert!(tape.backward(loss).wrt(h).as_slice().iter().all(|g| g.is_finite()));
}

fn adaptive(rng: &mut Random) -> AdaptiveSoftmax<f64> {
    let mut softmax = AdaptiveSoftmax::new(rng, 6, 11, &[3, 5], 2);
    softmax.for_each_parameter_mut(|_, param| param.set(normal(param.shape(), rng)));
    softmax
}

#[test]
fn adaptive_probabilities_are_products_over_the_tree() {
    let rng = &mut bptt_layers::rng(3);
    let model = adaptive(rng);
    let names: Vec<_> =
        model.parameters().into_iter().map(|(name, p)| (name, p.shape().to_vec())).collect();
    let expected = [
        ("head.w", [6, 5]),
        ("clusters.0.projection.w", [6, 3]),
        ("clusters.0.output.w", [3, 2]),
        ("clusters.1.projection.w", [6, 1]),
        ("clusters.1.output.w", [1, 6]),
    ];
    assert_eq!(names, expected.map(|(name, shape)| (name.to_owned(), shape.to_vec())));

    let h = normal(&[4, 2, 6], rng);
    let tape = Tape::new();
    let log_p = model.log_probabilities(tape.constant(h.clone())).value();
    assert_eq!(log_p.shape(), &[4, 2, 11]);
    for (row, log_p) in h.as_slice().chunks(6).zip(log_p.as_slice().chunks(11)) {
        let head = softmax(&times(row, &model, "head.w"));
        let mut p = head[..3].to_vec();
        for i in 0..2 {
            let projected = times(row, &model, &format!("clusters.{i}.projection.w"));
            let within = softmax(&times(&projected, &model, &format!("clusters.{i}.output.w")));
            p.extend(within.iter().map(|p| head[3 + i] * p));
        }
        assert_near(log_p, &p.iter().map(|p| p.ln()).collect::<Vec<_>>(), 1e-13);
        assert!((log_p.iter().map(|log_p| log_p.exp()).sum::<f64>() - 1.0).abs() < 1e-14);
    }
}

/// The loss, which computes only clusters of targets, equals that of all log-probabilities, with all gradients.
#[test]
fn the_adaptive_loss_is_that_of_all_probabilities() {
    let rng = &mut bptt_layers::rng(4);
    let model = adaptive(rng);
    let h = Param::new(normal(&[4, 2, 6], rng));
    let mask = Tensor::from_fn([4, 2], |i| [1.0, 0.0, 2.0][i % 3]);
    for targets in [[0, 10, 4, 3, 2, 5, 0, 9], [1; 8], [7; 8], [2, 4, 4, 0, 3, 3, 1, 0]] {
        let tape = Tape::new();
        let h_once = tape.param(&h);
        let adaptive = model.loss(h_once, &targets).masked(&mask).per_position().value();
        let log_p = model.log_probabilities(h_once);
        let full = loss::negative_log_likelihood(log_p, &targets).masked(&mask).per_position();
        assert_near(adaptive.as_slice(), full.value().as_slice(), 1e-13);
        let touched = gradients(&model, &h, |h| model.loss(h, &targets));
        let all = gradients(&model, &h, |h| {
            loss::negative_log_likelihood(model.log_probabilities(h), &targets)
        });
        // a cluster without targets has no gradient, where that of all probabilities is zero
        let [touched, all] =
            [touched, all].map(|g| g.into_iter().filter(|g| *g != 0.0).collect::<Vec<_>>());
        assert_near(&touched, &all, 1e-13);
    }
}

/// Without cutoffs, it is a plain softmax.
#[test]
fn an_adaptive_softmax_without_clusters() {
    let rng = &mut bptt_layers::rng(5);
    let model = AdaptiveSoftmax::<f64>::new(rng, 3, 4, &[], 4);
    let h = normal(&[2, 3], rng);
    let tape = Tape::new();
    let log_p = model.log_probabilities(tape.constant(h.clone())).value();
    for (row, log_p) in h.as_slice().chunks(3).zip(log_p.as_slice().chunks(4)) {
        let p = softmax(&times(row, &model, "head.w"));
        assert_near(log_p, &p.iter().map(|p| p.ln()).collect::<Vec<_>>(), 1e-14);
    }
}
