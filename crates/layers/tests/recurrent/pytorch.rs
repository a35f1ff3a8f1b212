//! Parity with PyTorch in double precision: values and every gradient, from its weights.
//!
//! PyTorch multiplies column vectors, so its weights are the transposes of ours, and it adds two
//! biases, `b_ih` and `b_hh`, where one does.

use bptt_autodiff::Tape;
use bptt_layers::{
    Activation, Cell, Elman, Embedding, Gru, Lstm, Module, Recurrence, Reset, Stack, State,
    StateSizes,
};
use bptt_tensor::Tensor;

use crate::golden::{Golden, assert_close};
use crate::support::{Random, V, random};

/// PyTorch's parameters of one layer, or their gradients.
struct Layer<'g> {
    golden: &'g Golden,
    /// `param` or what the gradients are called.
    kind: &'static str,
    number: &'g str,
}

impl Layer<'_> {
    fn tensor(&self, name: &str) -> Tensor<f64> {
        self.golden.tensor(&format!("{}.{name}_l{}", self.kind, self.number))
    }

    fn weight(&self, name: &str) -> Tensor<f64> {
        self.tensor(name).transpose(0, 1)
    }

    /// The sum of both biases, and the gradient of either.
    fn bias(&self) -> Tensor<f64> {
        match self.kind {
            "param" => self.tensor("bias_ih").add(&self.tensor("bias_hh")),
            _ => self.tensor("bias_ih"),
        }
    }
}

fn elman_parameter(layer: &Layer<'_>, name: &str) -> Tensor<f64> {
    match name {
        "u" => layer.weight("weight_ih"),
        "w" => layer.weight("weight_hh"),
        "b" => layer.bias(),
        _ => panic!("unknown parameter {name}"),
    }
}

fn lstm_parameter(layer: &Layer<'_>, name: &str) -> Tensor<f64> {
    match name {
        "w" => layer.weight("weight_ih"),
        "u" => layer.weight("weight_hh"),
        "b" => layer.bias(),
        _ => panic!("unknown parameter {name}"),
    }
}

/// The candidate's recurrent bias stands within the reset gate's product, so it does not
/// merge with the other.
fn gru_parameter(layer: &Layer<'_>, name: &str) -> Tensor<f64> {
    let hidden = layer.tensor("weight_hh").shape()[1];
    let (gates, candidate) = (0..2 * hidden, 2 * hidden..3 * hidden);
    match name {
        "w" => layer.weight("weight_ih"),
        "u_gates" => layer.weight("weight_hh").slice(1, gates),
        "u_candidate" => layer.weight("weight_hh").slice(1, candidate),
        "b" => {
            let candidate = layer.tensor("bias_ih").slice(0, candidate);
            Tensor::concat(&[&layer.bias().slice(0, gates), &candidate], 0)
        }
        "b_candidate" => layer.tensor("bias_hh").slice(0, candidate),
        _ => panic!("unknown parameter {name}"),
    }
}

/// Runs a case on the layers that `make` makes of an input and a hidden size, and compares all
/// there is.
fn check<C: Cell<f64> + StateSizes + Module<f64>>(
    case: &str,
    layers: usize,
    make: impl Fn(&mut Random, usize, usize) -> C,
    translate: fn(&Layer<'_>, &str) -> Tensor<f64>,
) {
    let golden = Golden::load(case);
    let translated = |kind, path: &str| {
        let [number, name] = path.splitn(3, '.').skip(1).collect::<Vec<_>>()[..] else {
            panic!("{path} is not a parameter of a layer");
        };
        translate(&Layer { golden: &golden, kind, number }, name)
    };
    let rng = &mut random(0);
    let [input, hidden] = ["input", "h0"].map(|name| golden.tensor(name).shape()[2]);
    let cells = (0..layers).map(|layer| make(rng, if layer == 0 { input } else { hidden }, hidden));
    let mut stack = Stack::new(cells.collect());
    stack.for_each_parameter_mut(|path, param| param.set(translated("param", path)));

    let tape = Tape::new();
    let xs = tape.variable(golden.tensor("input"));
    let state_names = &["h", "c"][..stack.layers()[0].state_sizes().len()];
    // one leaf for each layer, in a list for each name
    let first: Vec<Vec<V<'_>>> = state_names
        .iter()
        .map(|name| golden.tensor(&format!("{name}0")))
        .map(|start| (0..layers).map(|layer| tape.variable(start.index_first(layer))).collect())
        .collect();
    let states = (0..layers)
        .map(|layer| State::from_leaves(&first.iter().map(|of| of[layer]).collect::<Vec<_>>()));
    let (ys, states) = Recurrence::new(&stack).run(xs, states.collect());
    let leaves: Vec<_> = states.iter().map(State::leaves).collect();
    let last: Vec<_> = (0..state_names.len())
        .map(|i| V::stack(&leaves.iter().map(|layer| layer[i]).collect::<Vec<_>>()))
        .collect();

    assert_close("output", &ys.value(), &golden.tensor("output"));
    for (name, last) in state_names.iter().zip(&last) {
        let name = format!("{name}_n");
        assert_close(&name, &last.value(), &golden.tensor(&name));
    }

    let mut loss = (ys * &golden.tensor("cotangent.output")).sum_all();
    for kind in ["grad", "grad_state"] {
        if kind == "grad_state" {
            for (name, &last) in state_names.iter().zip(&last) {
                loss = loss + (last * &golden.tensor(&format!("cotangent.{name}_n"))).sum_all();
            }
        }
        let gradients = tape.backward(loss);
        let input = format!("{kind}.input");
        assert_close(&input, gradients.wrt(xs), &golden.tensor(&input));
        for (name, first) in state_names.iter().zip(&first) {
            let leaves: Vec<_> = first.iter().map(|&leaf| gradients.wrt(leaf)).collect();
            let name = format!("{kind}.{name}0");
            assert_close(&name, &Tensor::stack(&leaves, 0), &golden.tensor(&name));
        }
        for (path, param) in stack.parameters() {
            let name = format!("{kind} of {path}");
            assert_close(&name, &gradients[param], &translated(kind, &path));
        }
    }
}

fn elman(case: &str, layers: usize, activation: Activation<f64>) {
    let make =
        |rng: &mut Random, input, hidden| Elman::new(rng, input, hidden).activation(activation);
    check(case, layers, make, elman_parameter);
}

#[test]
fn elman_tanh() {
    elman("rnn_tanh_1layer", 1, Activation::Tanh);
}

#[test]
fn elman_relu() {
    elman("rnn_relu_1layer", 1, Activation::Relu);
}

#[test]
fn elman_relu_of_two_layers() {
    elman("rnn_relu_2layer", 2, Activation::Relu);
}

fn lstm(rng: &mut Random, input: usize, hidden: usize) -> Lstm<f64> {
    Lstm::new(rng, input, hidden)
}

#[test]
fn lstm_of_one_layer() {
    check("lstm_1layer", 1, lstm, lstm_parameter);
}

#[test]
fn lstm_without_bias() {
    check(
        "lstm_1layer_nobias",
        1,
        |rng, input, hidden| lstm(rng, input, hidden).without_bias(),
        lstm_parameter,
    );
}

#[test]
fn lstm_of_two_layers() {
    check("lstm_2layer", 2, lstm, lstm_parameter);
}

#[test]
fn lstm_over_sixty_steps() {
    check("lstm_1layer_long_t60", 1, lstm, lstm_parameter);
}

fn gru(rng: &mut Random, input: usize, hidden: usize) -> Gru<f64> {
    Gru::new(rng, input, hidden, Reset::After)
}

#[test]
fn gru_of_one_layer() {
    check("gru_1layer", 1, gru, gru_parameter);
}

#[test]
fn gru_without_bias() {
    check(
        "gru_1layer_nobias",
        1,
        |rng, input, hidden| gru(rng, input, hidden).without_bias(),
        gru_parameter,
    );
}

#[test]
fn gru_of_two_layers() {
    check("gru_2layer", 2, gru, gru_parameter);
}

#[test]
fn embedding_of_repeated_symbols() {
    let golden = Golden::load("embedding_repeated_indices");
    let table = golden.tensor("input.weight");
    let [symbols, size] = table.shape()[..] else { panic!("a table") };
    let mut embedding = Embedding::new(&mut random(0), symbols, size);
    embedding.for_each_parameter_mut(|_, param| param.set(table.clone()));
    let tape = Tape::new();
    let ys = embedding.forward(&tape, &golden.indices("input.indices"), [3, 4]);
    assert_eq!(ys.value(), golden.tensor("output"));
    let gradients = tape.backward((ys * &golden.tensor("cotangent")).sum_all());
    let (_, param) = embedding.parameters()[0];
    assert_close("grad.weight", &gradients[param], &golden.tensor("grad.weight"));
}
