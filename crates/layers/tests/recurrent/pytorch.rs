//! Parity with PyTorch in double precision: values and every gradient, from its weights.

use bptt_autodiff::{Tape, Tree};
use bptt_layers::weights::Archive;
use bptt_layers::weights::pytorch::{self, PyTorch};
use bptt_layers::{
    Activation, Bidirectional, Elman, Embedding, Gru, Layer, LayerNorm, Lstm, ProjectedLstm,
    Recurrence, Stack,
};
use bptt_tensor::Tensor;

use crate::golden::{Golden, assert_close};
use crate::support::random;

/// Runs a case on a layer with the weights of the case, and compares all there is.
fn check<L: Layer<f64> + PyTorch<f64> + Clone>(case: &str, mut layer: L) {
    let golden = Golden::load(case);
    let parameters = golden.group("param");
    pytorch::load(&mut layer, &parameters).expect("the case's parameters");
    round_trip(&layer, &parameters);

    // PyTorch has one tensor for each variable of the state, [layers·directions, B, ..]
    let variables = if golden.has("c0") { &["h", "c"][..] } else { &["h"] };
    let leaves = golden.tensor("h0").shape()[0] * variables.len();
    let of_leaf = |before: &str, leaf: usize, after: &str| {
        let name = format!("{before}{}{after}", variables[leaf % variables.len()]);
        golden.tensor(&name).index_first(leaf / variables.len())
    };

    let tape = Tape::new();
    let xs = tape.variable(golden.tensor("input"));
    let first: Vec<_> = (0..leaves).map(|i| tape.variable(of_leaf("", i, "0"))).collect();
    let start = layer.start(&tape, 1).with_leaves(&first);
    let lengths = golden.has("lengths").then(|| golden.indices("lengths"));
    let recurrence = match &lengths {
        Some(lengths) => Recurrence::new(&layer).lengths(lengths),
        None => Recurrence::new(&layer),
    };
    let (ys, state) = recurrence.run(xs, start);
    let last = state.leaves();
    assert_eq!(last.len(), leaves);

    assert_close("output", &ys.value(), &golden.tensor("output"));
    let loss = (ys * &golden.tensor("cotangent.output")).sum_all();
    let mut loss_of_state = loss;
    for (i, last) in last.iter().enumerate() {
        assert_close("last state", &last.value(), &of_leaf("", i, "_n"));
        loss_of_state = loss_of_state + (*last * &of_leaf("cotangent.", i, "_n")).sum_all();
    }
    for (kind, loss) in [("grad", loss), ("grad_state", loss_of_state)] {
        let gradients = tape.backward(loss);
        let input = format!("{kind}.input");
        assert_close(&input, gradients.wrt(xs), &golden.tensor(&input));
        for (i, &first) in first.iter().enumerate() {
            let expected = of_leaf(&format!("{kind}."), i, "0");
            assert_close(&format!("{kind} of the state"), gradients.wrt(first), &expected);
        }
        let mut expected = layer.clone();
        pytorch::load(&mut expected, &gradients_of(case, &golden, kind)).expect("as parameters");
        for ((name, param), (_, expected)) in layer.parameters().iter().zip(expected.parameters()) {
            assert_close(&format!("{kind} of {name}"), &gradients[param], expected.value());
        }
    }
}

/// PyTorch's gradients under the names of the parameters. PyTorch has two biases where there is one here, and both have
/// the same gradient. Loading adds them, so the second is left out. The candidate of a GRU has both.
fn gradients_of(case: &str, golden: &Golden, kind: &str) -> Archive<f64> {
    let mut archive = Archive::new();
    for name in golden.group("param").names() {
        let mut gradient = golden.tensor(&format!("{kind}.{name}"));
        if name.starts_with("bias_hh") {
            let size = gradient.len();
            let merged = if case.starts_with("gru") { size / 3 * 2 } else { size };
            gradient.as_mut_slice()[..merged].fill(0.0);
        }
        archive.insert(name, gradient);
    }
    archive
}

/// Checks that a saved layer has PyTorch's tensors, and loads as the same layer.
fn round_trip<L: PyTorch<f64> + Clone>(layer: &L, parameters: &Archive<f64>) {
    let saved = pytorch::archive(layer);
    let shapes = |archive: &Archive<f64>| -> Vec<_> {
        let shape = |name: &str| archive.tensor(name).expect("its name").shape().clone();
        archive.names().map(|name| (name.to_owned(), shape(name))).collect()
    };
    assert_eq!(shapes(&saved), shapes(parameters));
    let mut restored = layer.clone();
    restored.for_each_parameter_mut(|_, param| param.set(Tensor::zeros(param.shape())));
    pytorch::load(&mut restored, &saved).expect("the same parameters");
    for ((name, param), (_, restored)) in layer.parameters().iter().zip(restored.parameters()) {
        assert_eq!(param.value(), restored.value(), "{name}");
    }
}

/// The sizes of all cases, except one.
const INPUT: usize = 5;
const HIDDEN: usize = 4;
const PROJECTED: usize = 3;

/// Returns two layers, which `make` creates from their input size. The first has `width` outputs.
fn two<L>(width: usize, make: impl Fn(usize) -> L) -> Stack<L> {
    Stack::new(vec![make(INPUT), make(width)])
}

/// Returns a layer for each direction.
fn both<L>(make: impl Fn(usize) -> L) -> impl Fn(usize) -> Bidirectional<L> {
    move |input| Bidirectional::new(make(input), make(input))
}

fn elman(input: usize) -> Elman<f64> {
    Elman::new(&mut random(0), input, HIDDEN)
}

fn rectified(input: usize) -> Elman<f64> {
    elman(input).activation(Activation::Relu)
}

#[test]
fn elman_tanh() {
    check("rnn_tanh_1layer", elman(INPUT));
    check("rnn_tanh_2layer_bidirectional", two(2 * HIDDEN, both(elman)));
}

#[test]
fn elman_relu() {
    check("rnn_relu_1layer", rectified(INPUT));
    check("rnn_relu_2layer", two(HIDDEN, rectified));
}

fn lstm(input: usize) -> Lstm<f64> {
    Lstm::new(&mut random(0), input, HIDDEN)
}

#[test]
fn lstm_of_one_layer() {
    check("lstm_1layer", lstm(INPUT));
    check("lstm_1layer_nobias", lstm(INPUT).bias(false));
    check("lstm_1layer_bidirectional", both(lstm)(INPUT));
}

#[test]
fn lstm_of_two_layers() {
    check("lstm_2layer", two(HIDDEN, lstm));
    check("lstm_2layer_bidirectional", two(2 * HIDDEN, both(lstm)));
}

#[test]
fn lstm_over_sequences_of_different_lengths() {
    check("lstm_2layer_bidirectional_packed", two(2 * HIDDEN, both(lstm)));
}

#[test]
fn lstm_over_sixty_steps() {
    check("lstm_1layer_long_t60", Lstm::new(&mut random(0), 3, 6));
}

fn projected(input: usize) -> ProjectedLstm<f64> {
    ProjectedLstm::new(&mut random(0), input, HIDDEN, PROJECTED)
}

#[test]
fn lstm_with_projection() {
    check("lstm_1layer_proj3", projected(INPUT));
    check("lstm_2layer_bidirectional_proj3", two(2 * PROJECTED, both(projected)));
}

fn gru(input: usize) -> Gru<f64> {
    Gru::new(&mut random(0), input, HIDDEN)
}

#[test]
fn gru_of_one_layer() {
    check("gru_1layer", gru(INPUT));
    check("gru_1layer_nobias", gru(INPUT).bias(false));
}

#[test]
fn gru_of_two_layers() {
    check("gru_2layer", two(HIDDEN, gru));
    check("gru_2layer_bidirectional", two(2 * HIDDEN, both(gru)));
}

#[test]
fn gru_over_sequences_of_different_lengths() {
    check("gru_1layer_bidirectional_packed", both(gru)(INPUT));
}

/// The tensors of these names among a case's inputs.
fn inputs(golden: &Golden, names: &[&str]) -> Archive<f64> {
    let mut archive = Archive::new();
    for &name in names {
        archive.insert(name, golden.tensor(&format!("input.{name}")));
    }
    archive
}

#[test]
fn layer_normalization() {
    let golden = Golden::load("layer_norm_affine_last_dim");
    let mut norm = LayerNorm::new(6);
    pytorch::load(&mut norm, &inputs(&golden, &["weight", "bias"])).expect("a gain and a bias");
    let tape = Tape::new();
    let ys = norm.forward(tape.constant(golden.tensor("input.x")));
    assert_close("output", &ys.value(), &golden.tensor("output"));
    let gradients = tape.backward((ys * &golden.tensor("cotangent")).sum_all());
    assert_close("gain", &gradients[&norm.gain], &golden.tensor("grad.weight"));
    assert_close("bias", &gradients[&norm.bias], &golden.tensor("grad.bias"));
}

fn check_embedding(case: &str, shape: [usize; 2], padding: Option<usize>) {
    let golden = Golden::load(case);
    let parameters = inputs(&golden, &["weight"]);
    let [symbols, size] = golden.tensor("input.weight").shape()[..] else { panic!("a table") };
    let mut embedding = Embedding::new(&mut random(0), symbols, size);
    if let Some(padding) = padding {
        embedding = embedding.padding(padding);
    }
    pytorch::load(&mut embedding, &parameters).expect("a table");
    let tape = Tape::new();
    let ys = embedding.forward(&tape, &golden.indices("input.indices"), shape);
    assert_eq!(ys.value(), golden.tensor("output"));
    let gradients = tape.backward((ys * &golden.tensor("cotangent")).sum_all());
    assert_close("grad.weight", &gradients[&embedding.table], &golden.tensor("grad.weight"));
}

#[test]
fn embedding_of_repeated_symbols() {
    check_embedding("embedding_repeated_indices", [3, 4], None);
}

#[test]
fn embedding_with_padding() {
    check_embedding("embedding_padding_idx", [2, 4], Some(2));
    let embedding = Embedding::<f64>::new(&mut random(0), 3, 2).padding(1);
    assert_eq!(embedding.table.value().index_first(1), Tensor::zeros([2]));
}
