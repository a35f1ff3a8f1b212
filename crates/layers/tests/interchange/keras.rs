//! Keras's layers, written out as Keras computes them from its own arrays.

use std::cell::RefCell;

use bptt_autodiff::Tape;
use bptt_layers::weights::keras::{self, Keras};
use bptt_layers::weights::{Archive, Layout, WeightsProblem};
use bptt_layers::{
    Activation, Bidirectional, Elman, Embedding, Gru, Layer, LayerNorm, Linear, Lstm, Module, Reset,
};
use bptt_tensor::Tensor;

use crate::{difference, random, randomized, values};

const INPUT: usize = 3;
pub(crate) const HIDDEN: usize = 2;
const STEPS: usize = 5;

/// A recurrent layer's variables.
struct Variables {
    kernel: Tensor<f64>,
    recurrent_kernel: Tensor<f64>,
    bias: Tensor<f64>,
}

impl Variables {
    fn new(seed: u64, gates: usize, bias: &[usize]) -> Self {
        let rng = &mut random(seed);
        let mut uniform = |shape: &[usize]| Tensor::uniform(shape, -1.0, 1.0, rng);
        Self {
            kernel: uniform(&[INPUT, gates * HIDDEN]),
            recurrent_kernel: uniform(&[HIDDEN, gates * HIDDEN]),
            bias: uniform(bias),
        }
    }

    fn insert_into(&self, archive: &mut Archive<f64>, path: &str) {
        archive.insert(format!("{path}kernel"), self.kernel.clone());
        archive.insert(format!("{path}recurrent_kernel"), self.recurrent_kernel.clone());
        archive.insert(format!("{path}bias"), self.bias.clone());
    }

    fn archive(&self, path: &str) -> Archive<f64> {
        let mut archive = Archive::new();
        self.insert_into(&mut archive, path);
        archive
    }

    /// `Σ_i x_i kernel_ij`
    fn read(&self, x: &[f64], column: usize) -> f64 {
        dot(x, &self.kernel, column)
    }

    /// `Σ_i h_i recurrent_kernel_ij`
    fn recur(&self, h: &[f64], column: usize) -> f64 {
        dot(h, &self.recurrent_kernel, column)
    }

    fn simple_rnn(&self, x: &[f64], h: &[f64]) -> Vec<f64> {
        let next = |j| (self.read(x, j) + self.recur(h, j) + self.bias[[j]]).tanh();
        (0..HIDDEN).map(next).collect()
    }

    fn lstm(
        &self,
        gate_activation: fn(f64) -> f64,
        x: &[f64],
        h: &[f64],
        c: &mut [f64],
    ) -> Vec<f64> {
        let unit = |(j, c): (usize, &mut f64)| {
            let net = |gate: usize| {
                let column = gate * HIDDEN + j;
                self.read(x, column) + self.recur(h, column) + self.bias[[column]]
            };
            let [i, f, candidate, o] = [0, 1, 2, 3].map(net);
            *c = gate_activation(f) * *c + gate_activation(i) * candidate.tanh();
            gate_activation(o) * c.tanh()
        };
        c.iter_mut().enumerate().map(unit).collect()
    }

    fn gru_reset_after(&self, x: &[f64], h: &[f64]) -> Vec<f64> {
        let unit = |j| {
            let read = |gate: usize| {
                let column = gate * HIDDEN + j;
                self.read(x, column) + self.bias[[0, column]]
            };
            let recur = |gate: usize| {
                let column = gate * HIDDEN + j;
                self.recur(h, column) + self.bias[[1, column]]
            };
            let z = sigmoid(read(0) + recur(0));
            let r = sigmoid(read(1) + recur(1));
            let candidate = (read(2) + r * recur(2)).tanh();
            z * h[j] + (1.0 - z) * candidate
        };
        (0..HIDDEN).map(unit).collect()
    }

    fn gru_reset_before(&self, x: &[f64], h: &[f64]) -> Vec<f64> {
        let net = |gate: usize, h: &[f64], j: usize| {
            let column = gate * HIDDEN + j;
            self.read(x, column) + self.bias[[column]] + self.recur(h, column)
        };
        let reset: Vec<_> = (0..HIDDEN).map(|j| sigmoid(net(1, h, j)) * h[j]).collect();
        let unit = |j| {
            let z = sigmoid(net(0, h, j));
            z * h[j] + (1.0 - z) * net(2, &reset, j).tanh()
        };
        (0..HIDDEN).map(unit).collect()
    }
}

pub(crate) fn dot(x: &[f64], w: &Tensor<f64>, column: usize) -> f64 {
    x.iter().enumerate().map(|(i, x)| x * w[[i, column]]).sum()
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// One sequence, `[T, 1, I]`.
fn sequence() -> Tensor<f64> {
    Tensor::uniform([STEPS, 1, INPUT], -1.0, 1.0, &mut random(100))
}

/// The outputs `[T, 1, H]` of a step from `x` and `h`, from zeros.
fn run(xs: &Tensor<f64>, step: impl Fn(&[f64], &[f64]) -> Vec<f64>) -> Tensor<f64> {
    let mut h = vec![0.0; HIDDEN];
    let mut outputs = Vec::new();
    for x in xs.as_slice().chunks(INPUT) {
        h = step(x, &h);
        outputs.extend_from_slice(&h);
    }
    Tensor::from_vec([STEPS, 1, HIDDEN], outputs)
}

/// Checks that the layer with these variables computes this, and that its archive loads as the same layer.
#[track_caller]
fn check<L: Layer<f64> + Keras<f64> + Clone>(
    layer: &L,
    archive: &Archive<f64>,
    expected: &Tensor<f64>,
) {
    let mut loaded = layer.clone();
    keras::load(&mut loaded, archive).expect("its variables");
    let tape = Tape::new();
    let (ys, _) = loaded.forward(tape.constant(sequence()));
    assert!(difference(&ys.value(), expected) <= 1e-14);

    let mut restored = layer.clone();
    keras::load(&mut restored, &keras::archive(&loaded)).expect("its variables");
    assert_eq!(values(&restored), values(&loaded));
}

fn lstm() -> Lstm<f64> {
    Lstm::new(&mut random(0), INPUT, HIDDEN)
}

pub(crate) fn gru(reset: Reset) -> Gru<f64> {
    Gru::new(&mut random(0), INPUT, HIDDEN).reset(reset)
}

#[test]
fn simple_rnn() {
    let v = Variables::new(1, 1, &[HIDDEN]);
    let expected = run(&sequence(), |x, h| v.simple_rnn(x, h));
    let layer = Elman::new(&mut random(0), INPUT, HIDDEN);
    check(&layer, &v.archive("simple_rnn_cell/"), &expected);
    check(&layer, &v.archive(""), &expected);
}

#[test]
fn long_short_term_memory() {
    let v = Variables::new(2, 4, &[4 * HIDDEN]);
    let c = RefCell::new(vec![0.0; HIDDEN]);
    let expected = run(&sequence(), |x, h| v.lstm(sigmoid, x, h, &mut c.borrow_mut()));
    check(&lstm(), &v.archive("lstm_cell/"), &expected);
}

/// Both kinds of hard `σ` that Keras has had. Neither is the logistic function.
#[test]
fn hard_sigmoid() {
    let v = Variables::new(2, 4, &[4 * HIDDEN]);
    let slopes = [1.0 / 6.0, 0.2];
    let functions: [fn(f64) -> f64; 2] =
        [|z| (z / 6.0 + 0.5).clamp(0.0, 1.0), |z| (0.2 * z + 0.5).clamp(0.0, 1.0)];
    for (slope, function) in slopes.into_iter().zip(functions) {
        let c = RefCell::new(vec![0.0; HIDDEN]);
        let expected = run(&sequence(), |x, h| v.lstm(function, x, h, &mut c.borrow_mut()));
        let hard = lstm().gate_activation(Activation::HardSigmoid { slope });
        check(&hard, &v.archive(""), &expected);
    }
}

/// A file that names its activations loads only into a model with the same activations.
#[test]
fn activations_that_a_file_names() {
    let mut archive = Variables::new(2, 4, &[4 * HIDDEN]).archive("lstm_cell/");
    for path in ["recurrent_activation", "lstm_cell/recurrent_activation"] {
        let mut archive = archive.clone();
        archive.set_text(path, "hard_sigmoid");
        let problem = *keras::load(&mut lstm(), &archive).expect_err("another function").problem;
        let WeightsProblem::OtherSetting { text, found, expected } = problem else {
            panic!("{problem}")
        };
        assert_eq!((&*text, &*found, &*expected), (path, "hard_sigmoid", "sigmoid"));
        let mut hard = lstm().gate_activation(Activation::HardSigmoid { slope: 0.2 });
        keras::load(&mut hard, &archive).expect("the same function");
        let mut own = lstm().gate_activation(Activation::Custom(|z| z.sigmoid()));
        keras::load(&mut own, &archive).expect("the caller's responsibility");
    }
    archive.set_text("recurrent_activation", "sigmoid");
    archive.set_text("activation", "tanh");
    keras::load(&mut lstm(), &archive).expect("the same functions");
    assert_eq!(keras::archive(&lstm()).text("lstm_cell/activation").expect("it says so"), "tanh");
}

#[test]
#[should_panic(
    expected = "Keras's LSTM computes candidate and state with one activation, not with Tanh and \
        Relu; build this one with one"
)]
fn an_lstm_of_two_activations() {
    let _ = keras::archive(&lstm().state_activation(Activation::Relu));
}

#[test]
fn layer_normalization() {
    let [gain, bias] = [1, 2].map(|seed| Tensor::uniform([3], -1.0, 1.0, &mut random(seed)));
    let mut archive = Archive::new();
    archive.insert("gamma", gain.clone());
    archive.insert("beta", bias.clone());
    archive.set_text("epsilon", "0.001");
    let problem = *keras::load(&mut LayerNorm::new(3), &archive).expect_err("another ε").problem;
    assert!(matches!(problem, WeightsProblem::OtherSetting { .. }), "{problem}");

    let mut norm = LayerNorm::<f64>::new(3).epsilon(1e-3);
    keras::load(&mut norm, &archive).expect("the same ε");
    let x = [0.02, -0.01, 0.05];
    let tape = Tape::new();
    let y = norm.forward(tape.constant(Tensor::from_vec([1, 3], x.to_vec()))).value();
    let mean = x.iter().sum::<f64>() / 3.0;
    let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 3.0;
    for (i, x) in x.into_iter().enumerate() {
        let expected = (x - mean) / (variance + 1e-3).sqrt() * gain[[i]] + bias[[i]];
        assert!((y[[0, i]] - expected).abs() < 1e-14);
    }
}

#[test]
fn gated_recurrent_unit() {
    let v = Variables::new(3, 3, &[2, 3 * HIDDEN]);
    let expected = run(&sequence(), |x, h| v.gru_reset_after(x, h));
    check(&gru(Reset::After), &v.archive("gru_cell/"), &expected);

    let v = Variables::new(4, 3, &[3 * HIDDEN]);
    let expected = run(&sequence(), |x, h| v.gru_reset_before(x, h));
    check(&gru(Reset::Before), &v.archive("gru_cell/"), &expected);
}

#[test]
fn two_directions() {
    let [ahead, back] = [5, 6].map(|seed| Variables::new(seed, 3, &[2, 3 * HIDDEN]));
    let turned = |xs: &Tensor<f64>| {
        let steps: Vec<_> = (0..STEPS).rev().map(|t| xs.index_first(t)).collect();
        Tensor::stack(&steps.iter().collect::<Vec<_>>(), 0)
    };
    let expected = Tensor::concat(
        &[
            &run(&sequence(), |x, h| ahead.gru_reset_after(x, h)),
            &turned(&run(&turned(&sequence()), |x, h| back.gru_reset_after(x, h))),
        ],
        -1,
    );
    let layer = Bidirectional::new(gru(Reset::After), gru(Reset::After));
    for name in ["gru/gru_cell", "gru_1", "reader/gru_cell"] {
        let mut archive = Archive::new();
        ahead.insert_into(&mut archive, &format!("forward_{name}/"));
        back.insert_into(&mut archive, &format!("backward_{name}/"));
        check(&layer, &archive, &expected);
    }
}

/// A layer whose name only begins like a direction has none.
#[test]
fn names_that_begin_like_a_direction() {
    #[derive(Module)]
    #[module(scalar = f64)]
    struct Heads {
        forward_head: Linear<f64>,
        forward_tail: Linear<f64>,
    }

    impl Keras<f64> for Heads {
        fn in_keras(&self) -> Layout<'_, f64> {
            Layout::new()
                .group("forward_head", self.forward_head.in_keras())
                .group("forward_tail", self.forward_tail.in_keras())
        }
    }

    let [forward_head, forward_tail] = [1, 2].map(|seed| Linear::new(&mut random(seed), 2, 3));
    let heads = Heads { forward_head, forward_tail };
    let names: Vec<_> = keras::archive(&heads).names().map(ToOwned::to_owned).collect();
    let expected = ["head/bias", "head/kernel", "tail/bias", "tail/kernel"];
    assert_eq!(names, expected.map(|name| format!("forward_{name}")));
}

#[test]
fn without_biases() {
    let lstm = randomized(lstm().bias(false), 7);
    let names = |archive: Archive<f64>| archive.names().map(ToOwned::to_owned).collect::<Vec<_>>();
    assert_eq!(names(keras::archive(&lstm)), ["lstm_cell/kernel", "lstm_cell/recurrent_kernel"]);
}

#[test]
fn layers_without_recurrence() {
    let dense = Linear::<f64>::new(&mut random(8), INPUT, HIDDEN);
    let archive = keras::archive(&dense);
    assert_eq!(archive.tensor("kernel").expect("a kernel"), dense.w.value());
    let mut restored = randomized(dense.clone(), 9);
    keras::load(&mut restored, &archive).expect("its variables");
    assert_eq!(values(&restored), values(&dense));

    let embedding = Embedding::<f64>::new(&mut random(8), INPUT, HIDDEN);
    let archive = keras::archive(&embedding);
    assert_eq!(archive.tensor("embeddings").expect("a table"), embedding.table.value());
    assert_eq!(embedding.parameters().len(), archive.names().count());
}
