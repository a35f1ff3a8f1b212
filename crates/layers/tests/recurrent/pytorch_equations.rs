//! Parity with PyTorch of what users write as equations: functions, layer normalisation, and two
//! cells that the library does not have.

use bptt_autodiff::{Param, Tape, Var};
use bptt_layers::{Cell, Module, State, unroll};
use bptt_tensor::Tensor;

use crate::golden::{Golden, assert_close};

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
fn layer_normalisation() {
    check("layer_norm_plain_last_dim", &["x"], |v| normalized(v[0], &[-1], 1e-3));
    let affine = ["x", "weight", "bias"];
    check("layer_norm_affine_last_dim", &affine, |v| normalized(v[0], &[-1], 1e-5) * v[1] + v[2]);
    check("layer_norm_affine_two_dims", &affine, |v| {
        normalized(v[0], &[-2, -1], 1e-5) * v[1] + v[2]
    });
}

/// `h` and `c`.
type HiddenAndCell<'t> = (V<'t>, V<'t>);

/// Runs `cell` on the case's input from zeros, and compares outputs, last cell state, loss and all
/// gradients; parameters are named as PyTorch's.
fn check_cell<C>(case: &str, cell: &C)
where
    C: Module<f64> + for<'t> Cell<f64, State<'t> = HiddenAndCell<'t>>,
{
    let golden = Golden::load(case);
    let compare = |name: &str, actual: &Tensor<f64>| {
        assert_close(&format!("{case}: {name}"), actual, &golden.tensor(name));
    };
    let tape = Tape::new();
    let xs = tape.variable(golden.tensor("input"));
    let zeros = Tensor::zeros(golden.tensor("c_n").shape());
    let start = HiddenAndCell::from_values(&tape, &[zeros.clone(), zeros]);
    let (ys, (_, c)) = unroll(cell, xs, start);
    let loss = ys.square().sum_all();
    compare("output", &ys.value());
    compare("c_n", &c.value());
    compare("loss", &loss.value());
    let gradients = tape.backward(loss);
    compare("grad.input", gradients.wrt(xs));
    for (name, parameter) in cell.parameters() {
        compare(&format!("grad.{name}"), &gradients[parameter]);
    }
}

/// A parameter of a case, as it is: weights multiply from the left there, which is a product with
/// the transpose.
fn parameter(golden: &Golden, name: &str) -> Param<f64> {
    Param::new(golden.tensor(&format!("param.{name}")))
}

/// The LSTM of 1997, reduced: no forget gate.
#[expect(non_snake_case, reason = "the case's names")]
#[derive(Module)]
#[module(scalar = f64)]
struct Lstm1997 {
    W: Param<f64>,
    R: Param<f64>,
    b: Param<f64>,
}

impl Cell<f64> for Lstm1997 {
    type State<'t> = HiddenAndCell<'t>;

    fn step<'t>(&self, x: V<'t>, (h, c): HiddenAndCell<'t>) -> (V<'t>, HiddenAndCell<'t>) {
        let [z, i, o] = (x.matmul_t(&self.W) + h.matmul_t(&self.R) + &self.b).split();
        let c = c + z.tanh() * i.sigmoid();
        let h = c.tanh() * o.sigmoid();
        (h, (h, c))
    }
}

#[test]
fn lstm_without_forget_gate() {
    let case = "cell_lstm1997_no_forget_gate";
    let golden = Golden::load(case);
    let [w, r, b] = ["W", "R", "b"].map(|name| parameter(&golden, name));
    check_cell(case, &Lstm1997 { W: w, R: r, b });
}

/// The layer-normalised LSTM with peepholes.
#[expect(non_snake_case, reason = "the case's names")]
#[derive(Module)]
#[module(scalar = f64)]
struct LayerNormPeephole {
    W: Param<f64>,
    R: Param<f64>,
    gx: Param<f64>,
    bx: Param<f64>,
    gh: Param<f64>,
    bh: Param<f64>,
    b: Param<f64>,
    p: Param<f64>, // [3, H]
    gc: Param<f64>,
    bc: Param<f64>,
}

impl Cell<f64> for LayerNormPeephole {
    type State<'t> = HiddenAndCell<'t>;

    fn step<'t>(&self, x: V<'t>, (h, c): HiddenAndCell<'t>) -> (V<'t>, HiddenAndCell<'t>) {
        let norm = |x| normalized(x, &[-1], 1e-5);
        let read = norm(x.matmul_t(&self.W)) * &self.gx + &self.bx;
        let recur = norm(h.matmul_t(&self.R)) * &self.gh + &self.bh;
        let [i, f, z, o] = (read + recur + &self.b).split();
        let peephole = |gate: usize| x.tape().param(&self.p).index_first(gate);
        let i = (i + peephole(0) * c).sigmoid();
        let f = (f + peephole(1) * c).sigmoid();
        let c = f * c + i * z.tanh();
        let o = (o + peephole(2) * c).sigmoid();
        let h = o * (norm(c) * &self.gc + &self.bc).tanh();
        (h, (h, c))
    }
}

#[test]
fn layer_normalised_lstm_with_peepholes() {
    let case = "cell_lstm_layernorm_peephole";
    let golden = Golden::load(case);
    let named = |name| parameter(&golden, name);
    let cell = LayerNormPeephole {
        W: named("W"),
        R: named("R"),
        gx: named("gx"),
        bx: named("bx"),
        gh: named("gh"),
        bh: named("bh"),
        b: named("b"),
        p: named("p"),
        gc: named("gc"),
        bc: named("bc"),
    };
    check_cell(case, &cell);
}
