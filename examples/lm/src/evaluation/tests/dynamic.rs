//! Dynamic evaluation against its equations in double precision, for a network of thirty parameters:
//!
//! ```text
//! h = tanh(E[token] W_ih + h₋ W_hh + b)      p = softmax(h W + c)
//! ```

use bptt::Module;

use super::{Flags, LanguageModel, Parser, streams};
use crate::evaluation::Dynamic;
use crate::text::{Part, Streams, Tokens, Window};

/// The size of an embedding and of the hidden state.
const H: usize = 2;
/// The number of tokens.
const V: usize = 4;
/// The steps of a window.
const STEPS: usize = 3;

const RULE: Dynamic = Dynamic { learning_rate: 0.01, decay: 0.4 };
const EPSILON: f64 = 2e-5;

/// The text that is scored, in three windows. The training text has no token 3.
const TEXT: [u32; 1 + 3 * STEPS] = [0, 1, 3, 2, 2, 0, 3, 1, 0, 2];
const TRAINING: [u32; 1 + 2 * STEPS] = [1, 0, 0, 2, 1, 0, 2];

fn model(flags: &[&str], vocabulary_size: usize) -> LanguageModel {
    let sizes = ["--cell=elman", "--layers=1", "--hidden-size=2", "--embedding-size=2"];
    let Flags { model, regularization } = Flags::parse_from(sizes.iter().chain(flags));
    LanguageModel::new(&model, &regularization, vocabulary_size, &mut bptt::rng(1)).expect("valid")
}

fn part(tokens: &[u32]) -> Part {
    Part { tokens: Tokens::from(tokens.to_vec()), characters: 0, words: 0 }
}

/// Returns all parameters, in the order of the model.
fn values(model: &LanguageModel) -> Vec<f64> {
    let parameters = model.parameters().into_iter();
    let values = parameters.flat_map(|(_, it)| it.value().as_slice().to_vec());
    values.map(f64::from).collect()
}

/// Returns the loss and the parameters after dynamic evaluation of a text.
fn evaluate(
    rule: Dynamic,
    model: &mut LanguageModel,
    text: &[u32],
    training: &[u32],
) -> (f64, Vec<f64>) {
    let part = part(text);
    let training = Streams::new(&self::part(training).tokens, 1, STEPS).expect("enough text");
    let streams = streams(&part, 1);
    let score = rule.score(model, &part, &streams, STEPS, training.windows(STEPS));
    (score.nats, values(model))
}

/// Returns the mean loss of a window after the state `h`, and the state at its end.
fn loss(parameters: &[f64], window: &Window, mut h: [f64; H]) -> (f64, [f64; H]) {
    let (embedding, rest) = parameters.split_at(V * H);
    let (w_ih, rest) = rest.split_at(H * H);
    let (w_hh, rest) = rest.split_at(H * H);
    let (b, rest) = rest.split_at(H);
    let (w, c) = rest.split_at(H * V);
    let mut sum = 0.0;
    for (&token, &target) in window.inputs.iter().zip(&window.targets) {
        let before = h;
        for (j, h) in h.iter_mut().enumerate() {
            let reads =
                |i| embedding[token * H + i] * w_ih[i * H + j] + before[i] * w_hh[i * H + j];
            *h = (b[j] + (0..H).map(reads).sum::<f64>()).tanh();
        }
        let logit = |v: usize| c[v] + (0..H).map(|j| h[j] * w[j * V + v]).sum::<f64>();
        sum += (0..V).map(|v| logit(v).exp()).sum::<f64>().ln() - logit(target);
    }
    (sum / window.targets.len() as f64, h)
}

/// Returns the gradient of [`loss`], from central differences.
fn gradient(parameters: &[f64], window: &Window, h: [f64; H]) -> Vec<f64> {
    const DISTANCE: f64 = 1e-5;
    let at = |k: usize, distance: f64| {
        let mut moved = parameters.to_vec();
        moved[k] += distance;
        loss(&moved, window, h).0
    };
    let slope = |k| (at(k, DISTANCE) - at(k, -DISTANCE)) / (2.0 * DISTANCE);
    (0..parameters.len()).map(slope).collect()
}

#[track_caller]
fn assert_close(found: f64, expected: f64, what: &str) {
    let distance = (found - expected).abs();
    assert!(distance < 1e-6 * expected.abs().max(1.0), "{what}: {found}, not {expected}");
}

/// Returns a model whose parameters all differ. Those of `W_ih` are small, and with them the gradients of embeddings.
fn initial() -> LanguageModel {
    let mut model = model(&[], V);
    let mut place = 0.0_f32;
    model.for_each_parameter_mut(|name, parameter| {
        let scale = if name.ends_with("w_ih") { 0.1 } else { 0.7 };
        for value in parameter.value_mut().as_mut_slice() {
            place += 1.0;
            *value = scale * place.sin();
        }
    });
    model
}

/// Returns `√m` over the training text.
fn root_mean_squares(trained: &[f64]) -> Vec<f64> {
    let tokens = part(&TRAINING).tokens;
    let mut squares = vec![0.0; trained.len()];
    let mut h = [0.0; H];
    for window in Streams::new(&tokens, 1, STEPS).expect("enough text").windows(STEPS) {
        for (square, g) in squares.iter_mut().zip(gradient(trained, &window, h)) {
            *square += g * g / 2.0; // there are two windows
        }
        (_, h) = loss(trained, &window, h);
    }
    squares.into_iter().map(f64::sqrt).collect()
}

#[test]
fn each_update_is_that_of_the_equations() {
    let trained = values(&initial());
    assert_eq!(trained.len(), V * H + 2 * H * H + H + H * V + V);
    let roots = root_mean_squares(&trained);
    let mean = roots.iter().sum::<f64>() / roots.len() as f64;
    let clipped = roots.iter().filter(|&root| RULE.decay * root / mean > 1.0).count();
    assert!((1..roots.len() / 2).contains(&clipped), "{clipped} pulls are clipped");
    assert!(roots[3 * H..V * H] == [0.0; H], "the training text does not read the last token");

    let tokens = part(&TEXT).tokens;
    let (mut parameters, mut h, mut total) = (trained.clone(), [0.0; H], 0.0);
    let streams = Streams::new(&tokens, 1, STEPS).expect("enough text");
    for (window, updates) in streams.windows(STEPS).zip(1..) {
        let gradient = gradient(&parameters, &window, h);
        let (nats, next) = loss(&parameters, &window, h);
        (total, h) = (total + nats, next);
        for (k, g) in gradient.into_iter().enumerate() {
            let pull = (RULE.decay * roots[k] / mean).min(1.0);
            parameters[k] += -RULE.learning_rate * g / (roots[k] + EPSILON)
                + pull * (trained[k] - parameters[k]);
        }
        let text = &TEXT[..=updates * STEPS];
        let (nats, found) = evaluate(RULE, &mut initial(), text, &TRAINING);
        assert_close(nats, total / updates as f64, &format!("the loss of {updates} windows"));
        for (k, (found, expected)) in found.into_iter().zip(&parameters).enumerate() {
            assert_close(found, *expected, &format!("parameter {k} after {updates} updates"));
        }
    }
}

/// A window without rare tokens has no gradient for their cluster. The strongest decay brings it back nevertheless.
#[test]
fn parameters_without_a_gradient_are_pulled_back() {
    let rule = Dynamic { decay: 1e9, ..RULE };
    let initial = || model(&["--head=adaptive", "--cutoffs=2"], V);
    let (training, text) = ([0, 2, 3, 1, 2, 3, 0], [0, 2, 3, 3, 1, 0, 1]);
    let trained = initial();
    let places = trained.parameters().into_iter().flat_map(|(name, it)| {
        let is_of_cluster = name.contains("clusters");
        vec![is_of_cluster; it.value().len()]
    });
    let places: Vec<_> = places.enumerate().filter(|&(_, it)| it).map(|(k, _)| k).collect();
    let distances = |windows: usize| {
        let (_, found) = evaluate(rule, &mut initial(), &text[..=windows * STEPS], &training);
        let trained = values(&trained);
        places.iter().map(|&k| (found[k] - trained[k]).abs()).collect::<Vec<_>>()
    };
    let [once, twice] = [1, 2].map(distances);
    assert!(!once.is_empty() && once.iter().all(|&it| it > 1e-4), "{once:?}");
    assert!(twice.iter().all(|&it| it < 1e-7), "{twice:?}");
}
