//! Parity with PyTorch: functions, layer normalization, and two cells that PyTorch does not have, written there as
//! equations.

use bptt_autodiff::{Tape, Var};
use bptt_layers::{Cell, LayerNorm, LayerNormLstm, Lstm1997, Module, StateSizes, scan, unroll};
use bptt_tensor::Tensor;

use crate::golden::{Golden, assert_close};
use crate::support::random;

type V<'t> = Var<'t, f64>;

/// Compares the output of `function` on the case's inputs, and the gradient of every input.
fn check(case: &str, inputs: &[&str], function: impl for<'t> Fn(&[V<'t>]) -> V<'t>) {
    let golden = Golden::load(case);
    let tape = Tape::new();
    let vars: Vec<_> =
        inputs.iter().map(|name| tape.variable(golden.tensor(&format!("input.{name}")))).collect();
    let y = function(&vars);
    assert_close(&format!("{case}: output"), &y.value(), &golden.tensor("output"));
    let gradients = tape.backward((y * &golden.tensor("cotangent")).sum_all());
    for (name, &var) in inputs.iter().zip(&vars) {
        let what = format!("grad.{name}");
        assert_close(&format!("{case}: {what}"), gradients.wrt(var), &golden.tensor(&what));
    }
}

#[test]
fn softmax_along_every_axis() {
    for axis in 0..3 {
        check(&format!("softmax_dim{axis}"), &["x"], |v| v[0].softmax(axis));
        check(&format!("log_softmax_dim{axis}"), &["x"], |v| v[0].log_softmax(axis));
    }
}

/// `(x − μ) / √(σ² + ε)` over the last axes, with the variance of the whole.
fn normalized<'t>(x: V<'t>, axes: &[isize], epsilon: f64) -> V<'t> {
    let centered = x - x.mean_keep(axes);
    centered / (centered.square().mean_keep(axes) + epsilon).sqrt()
}

#[test]
fn layer_normalization() {
    check("layer_norm_plain_last_dim", &["x"], |v| normalized(v[0], &[-1], 1e-3));
    let affine = ["x", "weight", "bias"];
    check("layer_norm_affine_last_dim", &affine, |v| normalized(v[0], &[-1], 1e-5) * v[1] + v[2]);
    check("layer_norm_affine_two_dims", &affine, |v| {
        normalized(v[0], &[-2, -1], 1e-5) * v[1] + v[2]
    });
}

#[test]
fn the_layer_of_normalization() {
    let golden = Golden::load("layer_norm_affine_last_dim");
    let x = golden.tensor("input.x");
    let mut norm = LayerNorm::new(*x.shape().last().expect("features"));
    norm.gain.set(golden.tensor("input.weight"));
    norm.bias.set(golden.tensor("input.bias"));
    let tape = Tape::new();
    let x = tape.variable(x);
    let y = norm.forward(x);
    assert_close("output", &y.value(), &golden.tensor("output"));
    let gradients = tape.backward((y * &golden.tensor("cotangent")).sum_all());
    assert_close("grad.x", gradients.wrt(x), &golden.tensor("grad.x"));
    assert_close("grad.weight", &gradients[&norm.gain], &golden.tensor("grad.weight"));
    assert_close("grad.bias", &gradients[&norm.bias], &golden.tensor("grad.bias"));
}

/// A tensor of a case in our layout: weights multiply from the left there, and peepholes are rows of one
/// tensor.
fn laid_out(golden: &Golden, kind: &str, name: &str) -> Tensor<f64> {
    let tensor = |name: &str| golden.tensor(&format!("{kind}.{name}"));
    match name {
        "w_ih" => tensor("W").transpose(0, 1),
        "w_hh" => tensor("R").transpose(0, 1),
        "b" => tensor("b"),
        _ => match name.split_once('.').expect("a part of the cell") {
            ("peepholes", gate) => {
                let row = ["p_i", "p_f", "p_o"].iter().position(|&name| name == gate);
                tensor("p").index_first(row.expect("a gate"))
            }
            (norm, part) => {
                let of = match norm {
                    "norm_ih" => "x",
                    "norm_hh" => "h",
                    "norm_c" => "c",
                    _ => panic!("a normalization"),
                };
                tensor(&format!("{}{of}", if part == "gain" { "g" } else { "b" }))
            }
        },
    }
}

/// Runs a cell of the library with a case's parameters on its input from zeros, scanned and unrolled, and
/// compares outputs, last cell state, loss and all gradients.
fn check_cell<C>(case: &str, mut cell: C)
where
    C: Module<f64> + StateSizes + for<'t> Cell<f64, State<'t> = (V<'t>, V<'t>)>,
{
    let golden = Golden::load(case);
    let compare = |name: &str, actual: &Tensor<f64>| {
        assert_close(&format!("{case}: {name}"), actual, &golden.tensor(name));
    };
    cell.for_each_parameter_mut(|name, param| param.set(laid_out(&golden, "param", name)));
    for scanned in [true, false] {
        let tape = Tape::new();
        let xs = tape.variable(golden.tensor("input"));
        let start = cell.zero_state(&tape, xs.shape()[1]);
        let (ys, (_, c)) = if scanned { scan(&cell, xs, start) } else { unroll(&cell, xs, start) };
        let loss = ys.square().sum_all();
        compare("output", &ys.value());
        compare("c_n", &c.value());
        compare("loss", &loss.value());
        let gradients = tape.backward(loss);
        compare("grad.input", gradients.wrt(xs));
        for (name, param) in cell.parameters() {
            let what = format!("{case}: gradient of {name}");
            assert_close(&what, &gradients[param], &laid_out(&golden, "grad", &name));
        }
    }
}

#[test]
fn lstm_without_forget_gate() {
    check_cell("cell_lstm1997_no_forget_gate", Lstm1997::new(&mut random(0), 5, 4));
}

#[test]
fn layer_normalized_lstm_with_peepholes() {
    let cell = LayerNormLstm::new(&mut random(0), 5, 4).peepholes(true);
    check_cell("cell_lstm_layernorm_peephole", cell);
}
